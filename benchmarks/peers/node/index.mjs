// The check as a user would write it for Node: fetch and the AWS SDK, in a loop that speaks Lambda's Runtime API.
import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";

const secrets = new SecretsManagerClient();
const stored = await secrets.send(new GetSecretValueCommand({ SecretId: process.env.SECRET_ID }));
const secret = JSON.parse(stored.SecretString);

async function handler(event) {
  const url = new URL("/api/agentstatuses/", secret.base_url);
  url.searchParams.set("queue", event.queue);
  const response = await fetch(url, {
    headers: { Authorization: `Token ${secret.token}` },
    signal: AbortSignal.timeout(9000),
  });
  if (!response.ok) {
    throw new Error(`the provider answered ${response.status}`);
  }
  const { results } = await response.json();
  const available = results.filter((agent) => agent.ready && agent.status === "Available").length;
  return { accept: available >= 1, available };
}

// AWS's own client of the Runtime API has to be compiled; fetch does the same work, and starts sooner.
const runtime = `http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/invocation`;
for (;;) {
  const next = await fetch(`${runtime}/next`);
  const id = next.headers.get("lambda-runtime-aws-request-id");
  try {
    const answer = await handler(await next.json());
    await (await fetch(`${runtime}/${id}/response`, { method: "POST", body: JSON.stringify(answer) })).text();
  } catch (error) {
    const report = JSON.stringify({ errorType: error.name, errorMessage: error.message });
    await (await fetch(`${runtime}/${id}/error`, { method: "POST", body: report })).text();
  }
}
