"""Makes packages importable that are installed while the kernel runs, as they are for a new interpreter."""

import importlib
import os
import site
import sys
import sysconfig


class Packages:
    def __init__(self):
        self.directories = [sysconfig.get_path("purelib")]
        if site.ENABLE_USER_SITE:
            self.directories.append(site.getusersitepackages())
        self.seen = {directory: self._changed(directory) for directory in self.directories}
        self.files = {directory: self._pth_files(directory) for directory in self.directories}

    def refresh(self):
        """Runs before each run. Costs one `stat` per directory."""
        for directory in self.directories:
            changed = self._changed(directory)
            if changed != self.seen[directory]:
                self.seen[directory] = changed
                self._add(directory)

    def _add(self, directory):
        importlib.invalidate_caches()
        if directory not in sys.path:
            site.addsitedir(directory)
            return
        files = self._pth_files(directory)
        for name in sorted(files - self.files[directory]):
            site.addpackage(directory, name, set(sys.path))
        self.files[directory] = files

    def _changed(self, directory):
        try:
            return os.stat(directory).st_mtime_ns
        except OSError:
            return 0

    def _pth_files(self, directory):
        try:
            return {name for name in os.listdir(directory) if name.endswith(".pth")}
        except OSError:
            return set()
