// AWS's SDK for JavaScript drives the emulator: operations on groups, errors as its classes, its paginators and its signatures.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { after, test } from "node:test";
import * as sdk from "@aws-sdk/client-codeguruprofiler";
import {
  CodeGuruProfilerClient,
  ConfigureAgentCommand,
  ConflictException,
  CreateProfilingGroupCommand,
  DeleteProfilingGroupCommand,
  DescribeProfilingGroupCommand,
  GetProfileCommand,
  ListProfilingGroupsCommand,
  ListTagsForResourceCommand,
  PostAgentProfileCommand,
  ResourceNotFoundException,
  TagResourceCommand,
  ThrottlingException,
  UntagResourceCommand,
  UpdateProfilingGroupCommand,
  ValidationException,
  paginateListProfileTimes,
  paginateListProfilingGroups,
} from "@aws-sdk/client-codeguruprofiler";

const addresses = JSON.parse(process.env.EMULATOR_ADDRESSES);
const region = "eu-west-1";
const table = JSON.parse(execFileSync(process.env.EMULATOR_BINARY, ["--print-table"])).operations;
const rows = table.filter((row) => row.service === "codeguru-profiler");

function connect(account, options = {}) {
  const credentials = { accessKeyId: `AKIA${account}`, secretAccessKey: "secret" };
  const client = new CodeGuruProfilerClient({ endpoint: addresses.service, region, credentials, maxAttempts: 1, ...options });
  client.middlewareStack.add(count, { step: "initialize" });
  return client;
}

// Which answers of each operation the client understood: "Operation ok", or "Operation ThrottlingException".
const seen = new Map();

function count(next, { commandName }) {
  const saw = (outcome) => {
    const key = `${commandName.replace(/Command$/, "")} ${outcome}`;
    seen.set(key, (seen.get(key) ?? 0) + 1);
  };
  return async (request) => {
    try {
      const answer = await next(request);
      saw("ok");
      return answer;
    } catch (error) {
      saw(error.name);
      throw error;
    }
  };
}

after(() => {
  const modelled = rows.flatMap((row) => row.errors.map((error) => `${row.name} ${error.name}`));
  const names = new Set([...seen.keys()].map((key) => key.split(" ")[0]));
  const errors = modelled.filter((key) => seen.has(key));
  const answers = [...seen.values()].reduce((sum, times) => sum + times, 0);
  for (const [key, times] of [...seen].sort()) {
    console.log(`${key.padEnd(60)} ${times}`);
  }
  console.log(`${names.size} of ${rows.length} operations, ${errors.length} of ${modelled.length} modelled errors, ${answers} answers`);
});

// This version of the SDK does not make up the token that Create requires.
let tokens = 0;
const create = (client, input) =>
  client.send(new CreateProfilingGroupCommand({ clientToken: `t-${process.pid}-${(tokens += 1)}`, ...input }));

async function admin(method, path, body) {
  const answer = await fetch(addresses.admin + path, { method, body: body && JSON.stringify(body) });
  assert.ok(answer.ok, `${method} ${path}: ${answer.status}`);
  return answer.status === 204 ? undefined : answer.json();
}

test("a group lives from create to delete", async () => {
  const client = connect("200000000001");
  const created = await create(client, { profilingGroupName: "a_B-1", tags: { k: "v" } });
  const group = created.profilingGroup;
  assert.equal(group.arn, "arn:aws:codeguru-profiler:eu-west-1:200000000001:profilingGroup/a_B-1");
  assert.ok(group.createdAt instanceof Date);
  const change = { profilingGroupName: "a_B-1", agentOrchestrationConfig: { profilingEnabled: false } };
  const updated = await client.send(new UpdateProfilingGroupCommand(change));
  const described = await client.send(new DescribeProfilingGroupCommand({ profilingGroupName: "a_B-1" }));
  assert.deepEqual(described.profilingGroup, updated.profilingGroup);
  assert.equal(described.profilingGroup.agentOrchestrationConfig.profilingEnabled, false);

  const resourceArn = group.arn;
  await client.send(new TagResourceCommand({ resourceArn, tags: { "a b": "1" } }));
  await client.send(new UntagResourceCommand({ resourceArn, tagKeys: ["k", "x"] }));
  assert.deepEqual((await client.send(new ListTagsForResourceCommand({ resourceArn }))).tags, { "a b": "1" });

  await client.send(new DeleteProfilingGroupCommand({ profilingGroupName: "a_B-1" }));
  const gone = client.send(new DescribeProfilingGroupCommand({ profilingGroupName: "a_B-1" }));
  await assert.rejects(gone, (error) => error instanceof ResourceNotFoundException && Boolean(error.$metadata.requestId));
});

test("errors arrive as their classes", async () => {
  const account = "200000000002";
  const client = connect(account);
  await create(client, { profilingGroupName: "a" });
  await assert.rejects(create(client, { profilingGroupName: "a" }), ConflictException);
  await assert.rejects(create(client, { profilingGroupName: "a b" }), ValidationException);
  await admin("POST", "/faults", { account, count: 1, effect: { type: "error", code: "ThrottlingException" } });
  await assert.rejects(client.send(new ListProfilingGroupsCommand({})), ThrottlingException);
  await admin("POST", "/faults", { account, count: 1, effect: { type: "error", code: "AccessDeniedException" } });
  await assert.rejects(client.send(new ListProfilingGroupsCommand({})), { name: "AccessDeniedException" });
});

test("every modelled error of an operation on groups arrives as its class", async () => {
  const account = "200000000006";
  const client = connect(account);
  const group = { profilingGroupName: "a" };
  const inputs = {
    CreateProfilingGroup: { ...group, clientToken: "t" },
    DescribeProfilingGroup: group,
    UpdateProfilingGroup: { ...group, agentOrchestrationConfig: { profilingEnabled: true } },
    DeleteProfilingGroup: group,
    ListProfilingGroups: {},
  };
  for (const [operation, input] of Object.entries(inputs)) {
    for (const { name, status } of rows.find((row) => row.name === operation).errors) {
      await admin("POST", "/faults", { account, count: 1, effect: { type: "error", code: name, message: "as ordered" } });
      const refused = client.send(new sdk[`${operation}Command`](input));
      await assert.rejects(refused, (error) => {
        assert.ok(error instanceof sdk[name], `${operation} ${name}`);
        assert.equal(error.$metadata.httpStatusCode, status);
        return error.message === "as ordered";
      });
    }
  }
});

test("what passes is retried", async () => {
  const account = "200000000003";
  await admin("POST", "/faults", { account, count: 2, effect: { type: "error", code: "InternalServerException" } });
  const answer = await connect(account, { maxAttempts: 3 }).send(new ListProfilingGroupsCommand({}));
  assert.equal(answer.$metadata.attempts, 3);
});

test("the paginator sees every group once", async () => {
  const account = "200000000004";
  await admin("POST", "/seed", { account, region, count: 250, prefix: "g" });
  for (const includeDescription of [true, false]) {
    const seen = [];
    let pages = 0;
    const config = { client: connect(account), pageSize: 99 };
    for await (const page of paginateListProfilingGroups(config, { includeDescription })) {
      pages += 1;
      seen.push(...(includeDescription ? page.profilingGroups.map((group) => group.name) : page.profilingGroupNames));
    }
    assert.equal(pages, 3);
    assert.deepEqual(seen, Array.from({ length: 250 }, (_, n) => `g-${String(n).padStart(5, "0")}`));
  }
});

test("an agent polls, posts, and leaves profile times", async () => {
  const client = connect("200000000005");
  const group = { profilingGroupName: "a" };
  await create(client, group);
  const { configuration } = await client.send(new ConfigureAgentCommand({ ...group, metadata: { AgentId: "1" } }));
  assert.deepEqual([configuration.shouldProfile, configuration.periodInSeconds], [true, 300]);
  const agentProfile = new TextEncoder().encode("{}");
  await client.send(new PostAgentProfileCommand({ ...group, agentProfile, contentType: "application/json" }));
  const now = Date.now();
  const range = { startTime: new Date(now - 3600e3), endTime: new Date(now + 3600e3), period: "PT5M" };
  const starts = [];
  for await (const page of paginateListProfileTimes({ client }, { ...group, ...range })) {
    starts.push(...page.profileTimes);
  }
  assert.equal(starts.length, 1);
  const profile = await client.send(new GetProfileCommand({ ...group, period: "PT1H", accept: "application/json" }));
  assert.equal(new TextDecoder().decode(profile.profile), "{}");
});

test("signatures of this SDK are verified", async () => {
  const ports = ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
  const options = [...ports, "--exit-with-stdin", "--access-key", "AKIDEXAMPLE=secret,111122223333"];
  // Ends when its standard input does, and so with this process.
  const emulator = spawn(process.env.EMULATOR_BINARY, options, { stdio: ["pipe", "pipe", "inherit"] });
  const [line] = await once(createInterface({ input: emulator.stdout }), "line");
  const endpoint = JSON.parse(line).service;
  const of = (secretAccessKey) => ({ accessKeyId: "AKIDEXAMPLE", secretAccessKey });
  const client = (secret) => connect("", { endpoint, credentials: of(secret) });
  const resourceArn = "arn:aws:codeguru-profiler:eu-west-1:111122223333:profilingGroup/a";
  await create(client("secret"), { profilingGroupName: "a", tags: { "ä b": "c/d" } });
  await client("secret").send(new UntagResourceCommand({ resourceArn, tagKeys: ["ä b", "x&y=z"] }));
  const guessed = client("guessed").send(new ListProfilingGroupsCommand({}));
  await assert.rejects(guessed, { name: "InvalidSignatureException" });
  emulator.stdin.end();
});
