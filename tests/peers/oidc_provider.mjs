// An OpenID provider on 127.0.0.1: node oidc_provider.mjs FOLDER-OF-MODULES PORT
//
// Three APIs (RFC 8707) get access tokens of three kinds: RFC 9068 to the letter, and with the
// claims of Okta's custom servers and of Keycloak. PUT /users/NAME sets the groups of a user.
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { generateKeyPairSync } from "node:crypto";
import { pathToFileURL } from "node:url";

const [modules, port] = process.argv.slice(2);
const resolved = createRequire(`${modules}/`).resolve("oidc-provider");
const { Provider } = await import(pathToFileURL(resolved));

const issuer = `http://127.0.0.1:${port}`;
const groups = new Map();

function key(kid, kind, options, members) {
  const { privateKey } = generateKeyPairSync(kind, options);
  return { ...privateKey.export({ format: "jwk" }), kid, use: "sig", ...members };
}

const APIS = {
  "urn:plain": { alg: "ES256" },
  "urn:plain:pss": { alg: "PS256" },
  "api://default": { alg: "RS256", shape: asOkta },
  "urn:keycloak": { alg: "ES256", shape: asKeycloak },
  "urn:keycloak:pss": { alg: "PS256", shape: asKeycloak },
};

function asOkta(token, payload) {
  const { client_id: cid, scope, ...others } = payload;
  const uid = `00u-${token.accountId}`;
  const login = { sub: `${token.accountId}@example.org`, uid, cid, scp: scope.split(" ") };
  return { ...others, ...login, groups: groups.get(token.accountId) };
}

function asKeycloak(token, payload) {
  const { client_id: azp, ...others } = payload;
  const roles = groups.get(token.accountId) ?? [];
  return { ...others, typ: "Bearer", azp, aud: "account", realm_access: { roles } };
}

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: "nest-egg-web",
      application_type: "native",
      token_endpoint_auth_method: "none",
      redirect_uris: ["http://127.0.0.1/callback"],
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
    },
  ],
  jwks: {
    keys: [
      key("es-1", "ec", { namedCurve: "P-256" }, { alg: "ES256" }),
      key("ps-1", "rsa", { modulusLength: 2048 }, { alg: "PS256" }),
      key("rs-1", "rsa", { modulusLength: 2048 }, { alg: "RS256" }),
    ],
  },
  cookies: { keys: ["a secret of this process alone"] },
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"], groups: ["groups"] },
  conformIdTokenClaims: false,
  issueRefreshToken: () => true,
  rotateRefreshToken: true,
  findAccount: (_, accountId) => ({
    accountId,
    claims: () => ({
      sub: accountId,
      name: accountId,
      email: `${accountId}@example.org`,
      email_verified: true,
      groups: groups.get(accountId),
    }),
  }),
  features: {
    resourceIndicators: {
      enabled: true,
      useGrantedResource: () => true,
      getResourceServerInfo: (_, resource) => ({
        audience: resource,
        scope: "openid groups ledger",
        accessTokenFormat: "jwt",
        jwt: { sign: { alg: APIS[resource].alg } },
      }),
    },
  },
  formats: {
    customizers: {
      jwt(_, token, parts) {
        const shape = APIS[token.aud]?.shape;
        if (shape) parts.payload = shape(token, parts.payload);
      },
    },
  },
});

const answer = provider.callback();

createServer(async (request, response) => {
  const named = /^\/users\/(\w+)$/.exec(request.url);
  if (request.method !== "PUT" || !named) return answer(request, response);
  let body = "";
  for await (const chunk of request) body += chunk;
  groups.set(named[1], JSON.parse(body));
  response.writeHead(204).end();
}).listen(Number(port), "127.0.0.1");
