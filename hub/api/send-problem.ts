/** How a problem is answered over HTTP. */

import type { FastifyReply } from "fastify";
import { problemDetails, PROBLEM_JSON } from "./problem.ts";
import type { Problem } from "./problem.ts";

/** Answers with problem details, which nobody keeps. */
export function sendProblem(reply: FastifyReply, problem: Problem): FastifyReply {
  const { status, retryAfterSeconds } = problem;
  if (retryAfterSeconds !== undefined) reply.header("retry-after", retryAfterSeconds);
  return reply
    .code(status)
    .header("cache-control", "no-store")
    .type(PROBLEM_JSON)
    .send(JSON.stringify(problemDetails(problem)));
}
