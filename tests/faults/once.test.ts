import { testPostsOnce } from "../helpers/faults/random-faults.js";

testPostsOnce(1_000);
