import { testPostsOnce } from "../helpers/faults/random-faults.js";

testPostsOnce(10_000);
