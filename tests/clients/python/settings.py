"""What the tests are told by their environment."""

import os

HOST_FOLDER = os.environ["CLIENTS_HOST_FOLDER"]
LANGUAGES = os.environ["CLIENTS_LANGUAGES"].split(",")
