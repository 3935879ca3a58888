import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from 'node:crypto'
import { isIP } from 'node:net'

/**
 * X.509 version 3 certificates (RFC 5280) with ECDSA P-256 keys, because node:crypto can sign but cannot issue and the
 * demo must run where no openssl program is. Only what a TLS server needs: no revocation, no name but the common name.
 */
export interface Certificate {
  /** PEM. */
  certificate: string
  /** PEM, PKCS#8. A secret: written to the data folder of the demo only. */
  privateKey: string
}

export interface LeafOptions {
  commonName: string
  /** DNS names and IPv4 addresses for the subjectAltName extension. */
  names: string[]
  notBefore?: Date
  notAfter?: Date
}

const DAY_MS = 86_400_000
const TEN_YEARS_MS = 3650 * DAY_MS

const OID = {
  commonName: '2.5.4.3',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
}

/** One DER value: tag, definite length, contents (X.690 8.1). */
function der(tag: number, ...contents: Buffer[]): Buffer {
  const body = Buffer.concat(contents)
  if (body.length < 0x80) return Buffer.concat([Buffer.from([tag, body.length]), body])
  const length: number[] = []
  for (let rest = body.length; rest > 0; rest >>= 8) length.unshift(rest & 0xff)
  return Buffer.concat([Buffer.from([tag, 0x80 | length.length, ...length]), body])
}

const sequence = (...items: Buffer[]) => der(0x30, ...items)
const octetString = (...contents: Buffer[]) => der(0x04, ...contents)
const bitString = (contents: Buffer, unusedBits = 0) => der(0x03, Buffer.from([unusedBits]), contents)
const boolean = (value: boolean) => der(0x01, Buffer.from([value ? 0xff : 0]))
const explicit = (number: number, content: Buffer) => der(0xa0 | number, content)

function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  const bytes = [first * 40 + second]
  for (const arc of rest) {
    const groups = [arc & 0x7f]
    for (let left = arc >>> 7; left > 0; left >>>= 7) groups.unshift((left & 0x7f) | 0x80)
    bytes.push(...groups)
  }
  return der(0x06, Buffer.from(bytes))
}

/** RFC 5280 4.1.2.5: UTCTime through 2049, GeneralizedTime after. */
function time(date: Date): Buffer {
  const digits = `${date.toISOString().slice(0, 19).replace(/[-:T]/g, '')}Z`
  return date.getUTCFullYear() < 2050 ? der(0x17, Buffer.from(digits.slice(2))) : der(0x18, Buffer.from(digits))
}

const name = (commonName: string) =>
  sequence(der(0x31, sequence(objectIdentifier(OID.commonName), der(0x0c, Buffer.from(commonName, 'utf8')))))

function extension(oid: string, value: Buffer, critical = false): Buffer {
  return sequence(objectIdentifier(oid), ...(critical ? [boolean(true)] : []), octetString(value))
}

function alternativeName(value: string): Buffer {
  if (isIP(value) === 4) return der(0x87, Buffer.from(value.split('.').map(Number)))
  return der(0x82, Buffer.from(value, 'ascii'))
}

/** RFC 5280 4.2.1.2, method 1: SHA-1 of the public key's bits. */
function keyIdentifier(publicKey: KeyObject): Buffer {
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  // An uncompressed P-256 point is the last 65 bytes of its SubjectPublicKeyInfo.
  return createHash('sha1').update(spki.subarray(-65)).digest()
}

const pem = (bytes: Buffer) =>
  `-----BEGIN CERTIFICATE-----\n${(bytes.toString('base64').match(/.{1,64}/g) ?? []).join('\n')}\n-----END CERTIFICATE-----\n`

interface ToBeSigned {
  issuer: string
  subject: string
  notBefore: Date
  notAfter: Date
  subjectKey: KeyObject
  extensions: Buffer[]
}

function issue(parts: ToBeSigned, signingKey: KeyObject): string {
  const algorithm = sequence(objectIdentifier(OID.ecdsaWithSha256))
  const serial = randomBytes(16)
  // A serial number is positive and has no leading zero byte (RFC 5280 4.1.2.2).
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40
  const body = sequence(
    explicit(0, der(0x02, Buffer.from([2]))),
    der(0x02, serial),
    algorithm,
    name(parts.issuer),
    sequence(time(parts.notBefore), time(parts.notAfter)),
    name(parts.subject),
    parts.subjectKey.export({ type: 'spki', format: 'der' }),
    explicit(3, sequence(...parts.extensions)),
  )
  return pem(sequence(body, algorithm, bitString(sign('sha256', body, { key: signingKey, dsaEncoding: 'der' }))))
}

function newKey() {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return { privateKey, publicKey, pem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() }
}

/** A certificate authority of our own, valid for ten years. */
export class CertificateAuthority {
  private constructor(
    private readonly commonName: string,
    readonly material: Certificate,
  ) {}

  static create(commonName: string): CertificateAuthority {
    const key = newKey()
    const certificate = issue(
      {
        issuer: commonName,
        subject: commonName,
        notBefore: new Date(Date.now() - DAY_MS),
        notAfter: new Date(Date.now() + TEN_YEARS_MS),
        subjectKey: key.publicKey,
        extensions: [
          extension(OID.basicConstraints, sequence(boolean(true)), true),
          // keyCertSign and cRLSign
          extension(OID.keyUsage, bitString(Buffer.from([0x06]), 1), true),
          extension(OID.subjectKeyIdentifier, octetString(keyIdentifier(key.publicKey))),
        ],
      },
      key.privateKey,
    )
    return new CertificateAuthority(commonName, { certificate, privateKey: key.pem })
  }

  /** An authority made before, from what its `material` was. */
  static restore(commonName: string, material: Certificate): CertificateAuthority {
    return new CertificateAuthority(commonName, material)
  }

  /** A server certificate; from yesterday for ten years unless told otherwise, so an expired one can be asked for. */
  issue({ commonName, names, notBefore, notAfter }: LeafOptions): Certificate {
    const key = newKey()
    const signingKey = createPrivateKey(this.material.privateKey)
    const certificate = issue(
      {
        issuer: this.commonName,
        subject: commonName,
        notBefore: notBefore ?? new Date(Date.now() - DAY_MS),
        notAfter: notAfter ?? new Date(Date.now() + TEN_YEARS_MS),
        subjectKey: key.publicKey,
        extensions: [
          extension(OID.basicConstraints, sequence(), true),
          // digitalSignature
          extension(OID.keyUsage, bitString(Buffer.from([0x80]), 7), true),
          extension(OID.extendedKeyUsage, sequence(objectIdentifier(OID.serverAuth))),
          extension(OID.subjectAltName, sequence(...names.map(alternativeName))),
          extension(OID.subjectKeyIdentifier, octetString(keyIdentifier(key.publicKey))),
          extension(OID.authorityKeyIdentifier, sequence(der(0x80, keyIdentifier(createPublicKey(signingKey))))),
        ],
      },
      signingKey,
    )
    return { certificate, privateKey: key.pem }
  }
}
