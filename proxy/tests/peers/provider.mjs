// An OpenID provider on loopback: `oidc-provider`, certified by the OpenID Foundation, with keys
// that are new at each start. It ends with its standard input.
//
//   node provider.mjs FOLDER-OF-NODE_MODULES PORT

import { generateKeyPairSync } from 'node:crypto'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const [folder, port] = process.argv.slice(2)
const { resolve } = createRequire(`${folder}/package.json`)
const { default: Provider } = await import(pathToFileURL(resolve('oidc-provider')))

const key = (alg, type, options) => ({
  ...generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' }),
  alg,
  use: 'sig',
})

const algorithms = {
  RS256: key('RS256', 'rsa', { modulusLength: 2048 }),
  PS256: key('PS256', 'rsa', { modulusLength: 2048 }),
  ES256: key('ES256', 'ec', { namedCurve: 'P-256' }),
  EdDSA: key('EdDSA', 'ed25519'),
}

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{
    client_id: 'agent-7',
    client_secret: 'of-agent-7',
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
  }],
  jwks: { keys: Object.values(algorithms) },
  extraTokenClaims: () => ({ groups: ['analysts'] }),
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      // A resource is `urn:<audience>:<algorithm>:<seconds>`.
      getResourceServerInfo: (_, resource) => {
        const [, audience, alg, seconds] = resource.split(':')
        return {
          scope: '',
          audience,
          accessTokenTTL: Number(seconds),
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg } },
        }
      },
    },
  },
})

provider.listen(Number(port), '127.0.0.1', () => console.log('ready'))
process.stdin.resume().on('end', () => process.exit(0))
