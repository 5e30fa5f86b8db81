/**
 * Issuer for tests: a certified OpenID provider that returns access tokens for an API.
 *
 *     node issuer.mjs PORT PAGE AUDIENCE SECONDS
 *
 * It accepts every user without a password. The tenant is the part of the user name after the @.
 */

import Provider from "oidc-provider";

const [port, page, audience, seconds] = process.argv.slice(2);

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    {
      client_id: "page",
      token_endpoint_auth_method: "none",
      grant_types: ["authorization_code", "refresh_token"],
      redirect_uris: [page],
      post_logout_redirect_uris: [page],
    },
  ],
  cookies: { keys: ["for tests only"] },
  clientBasedCORS: (_context, origin) => origin === new URL(page).origin,
  extraParams: ["audience"],
  extraTokenClaims: (_context, token) => ({ tenant: token.accountId.split("@")[1] }),
  findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  issueRefreshToken: () => true,
  rotateRefreshToken: true,
  features: {
    resourceIndicators: {
      enabled: true,
      // Without the parameter there is no token for the API, as at issuers that require it.
      defaultResource: (context) => context.oidc.params.audience,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope: "check upload read",
        audience,
        accessTokenFormat: "jwt",
        accessTokenTTL: Number(seconds),
      }),
    },
  },
});

provider.listen(Number(port), "127.0.0.1");
