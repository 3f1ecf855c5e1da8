/**
 * Signatures between us and Antom, the same in all directions: SHA256withRSA (PKCS #1 v1.5) over
 *
 *     <METHOD> <path>\n<client-id>.<time>.<body>
 *
 * in base64, percent-encoded, in the header `signature: algorithm=RSA256,keyVersion=1,signature=…`. The time is that of the header
 * `request-time`, of an answer that of `response-time`; an answer is signed for the path that was asked. Sources: the official Java SDK's
 * `SignatureTool`, `WebhookTool` and `BaseAlipayClient`; docs.antom.com/ac/ams/digital_signature.
 */
import { createPrivateKey, createPublicKey, createSign, createVerify, type KeyObject } from 'node:crypto'

export type Signed = { readonly path: string; readonly clientId: string; readonly time: string; readonly body: string }

const contentOf = ({ path, clientId, time, body }: Signed): string => `POST ${path}\n${clientId}.${time}.${body}`

/** Antom hands keys out as bare base64 of the DER; PEM is taken as well. Undefined for what is no key of that kind. */
const derOf = (text: string): Buffer => Buffer.from(text.replace(/-----[A-Z ]+-----|\s/g, ''), 'base64')
function publicKeyOf(text: string): KeyObject | undefined {
  try {
    return createPublicKey({ key: derOf(text), format: 'der', type: 'spki' })
  } catch {
    return undefined
  }
}
function privateKeyOf(text: string): KeyObject | undefined {
  try {
    return createPrivateKey({ key: derOf(text), format: 'der', type: 'pkcs8' })
  } catch {
    return undefined
  }
}

/** The header's whole value. Undefined when the key is none: nothing can be sent then. */
export function signatureHeader(signed: Signed, privateKey: string, keyVersion = '1'): string | undefined {
  const key = privateKeyOf(privateKey)
  if (key === undefined) return undefined
  const signature = createSign('RSA-SHA256').update(contentOf(signed), 'utf8').sign(key, 'base64')
  return `algorithm=RSA256,keyVersion=${keyVersion},signature=${encodeURIComponent(signature)}`
}

/** The documentation writes blanks after the commas, the SDK does not. Its base64 is percent-encoded; a bare one is read too. */
function signatureIn(header: string): Buffer | undefined {
  const text = /(?:^|[,\s])signature=([^,\s]+)/.exec(header)?.[1]
  if (text === undefined) return undefined
  try {
    const base64 = decodeURIComponent(text)
    const bytes = Buffer.from(base64, 'base64')
    // A decoder passes over what stands behind the end.
    return bytes.toString('base64') === base64 ? bytes : undefined
  } catch {
    return undefined
  }
}

export function isSigned(signed: Signed, header: string | undefined, publicKey: string): boolean {
  const signature = header === undefined ? undefined : signatureIn(header)
  const key = publicKeyOf(publicKey)
  if (signature === undefined || key === undefined) return false
  return createVerify('RSA-SHA256').update(contentOf(signed), 'utf8').verify(key, signature)
}
