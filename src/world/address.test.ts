import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkPublicUrl, isLoopbackAddress, isPublicAddress } from './address.ts'

/** Addresses that are not the public Internet, the first and last of each range among them. */
const specialV4 = [
  '0.0.0.0',
  '0.255.255.255',
  '10.0.0.0',
  '10.255.255.255',
  '100.64.0.0',
  '100.100.100.200',
  '100.127.255.255',
  '127.0.0.0',
  '127.0.0.1',
  '127.255.255.255',
  '168.63.129.16',
  '169.254.0.0',
  '169.254.169.254',
  '169.254.170.2',
  '169.254.255.255',
  '172.16.0.0',
  '172.31.255.255',
  '192.0.0.0',
  '192.0.0.192',
  '192.0.2.1',
  '192.31.196.1',
  '192.52.193.1',
  '192.88.99.1',
  '192.168.0.0',
  '192.168.255.255',
  '192.175.48.1',
  '198.18.0.0',
  '198.19.255.255',
  '198.51.100.7',
  '203.0.113.7',
  '224.0.0.1',
  '239.255.255.255',
  '240.0.0.1',
  '255.255.255.255',
]
const specialV6 = [
  '::',
  '::1',
  '0:0:0:0:0:0:0:1',
  '::7f00:1',
  '::127.0.0.1',
  '::ffff:127.0.0.1',
  '::ffff:7f00:1',
  '::ffff:8.8.8.8',
  '::ffff:0:127.0.0.1',
  '64:ff9b::7f00:1',
  '64:ff9b::169.254.169.254',
  '64:ff9b::8.8.8.8',
  '64:ff9b:1::a00:1',
  '100::1',
  '100:0:0:1::1',
  '2001::1',
  '2001:0:7f00:1::',
  '2001:2::1',
  '2001:10::1',
  '2001:20::1',
  '2001:db8::1',
  '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff',
  '2002:7f00:1::',
  '2002:a9fe:a9fe::1',
  '2002:808:808::1',
  '2620:4f:8000::1',
  '3fff::1',
  '3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff',
  '4000::1',
  '5f00::1',
  'fc00::1',
  'fd00:ec2::254',
  'fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
  'fe80::1',
  'febf::1',
  'fec0::1',
  'ff00::1',
  'ff02::1',
  'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
]

/** The ways in which parsers have accepted the four numbers of an IPv4 address. */
function formsOf(address: string): readonly string[] {
  const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number)
  const whole = ((a * 256 + b) * 256 + c) * 256 + d
  const hex = (n: number) => `0x${n.toString(16)}`
  const octal = (n: number) => `0${n.toString(8)}`
  const fullWidth = (text: string) => text.replace(/\d/g, digit => String.fromCodePoint(0xff10 + Number(digit)))
  return [
    address,
    `${address}.`,
    String(whole),
    hex(whole),
    octal(whole),
    hex(whole).toUpperCase().replace('0X', '0x'),
    `${a}.${b * 65536 + c * 256 + d}`,
    `${a}.${b}.${c * 256 + d}`,
    [a, b, c, d].map(hex).join('.'),
    [a, b, c, d].map(octal).join('.'),
    `${hex(a)}.${b}.${octal(c)}.${d}`,
    [a, b, c, d].map(n => `00${octal(n)}`).join('.'),
    fullWidth(address),
    address.replaceAll('.', '。'),
    address.replace('.', '．'),
    address.replaceAll('.', '%2e'),
    [...address].map(letter => `%${letter.charCodeAt(0).toString(16)}`).join(''),
    `[::ffff:${address}]`,
    `[::ffff:${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}]`,
    `[64:ff9b::${address}]`,
    `[2002:${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}::1]`,
    `[::${address}]`,
  ]
}

const localNames = [
  'localhost',
  'LOCALHOST',
  'localhost.',
  'api.localhost',
  'printer.local',
  'metadata.google.internal',
  'METADATA.google.INTERNAL',
  'metadata.google.internal.',
  'metadata.goog',
  'metadata.azure.com',
  'metadata',
  'instance-data',
  'intranet',
  'vault.corp',
  'db.lan',
  'router.home',
  'nas.home.arpa',
  'shop.test',
  'shop.invalid',
  'hidden.onion',
  'a.alt',
  'shop.intranet',
  'kubernetes.default.svc.cluster.local',
]
const shapes = [
  '',
  ' ',
  'example.com',
  '//example.com',
  'https://',
  'https:///example.com',
  'https:/example.com',
  'https:example.com',
  'https:\\\\example.com',
  'https://example.com\\@127.0.0.1/',
  'https://127.0.0.1\\@example.com/',
  'https://example.com@127.0.0.1/',
  'https://127.0.0.1@example.com/',
  'https://user:secret@shop.example.com/',
  'https://:@shop.example.com/',
  'https://@shop.example.com/',
  'https://shop.example.com:secret@127.0.0.1:443/',
  'https://127.0.0.1#@shop.example.com/',
  'https://127.0.0.1?@shop.example.com/',
  'https://[example.com]/',
  'https://[127.0.0.1]/',
  'https://[::1',
  'https://::1/',
  'https://[fe80::1%25eth0]/',
  'https://[fe80::1%eth0]/',
  'https://[::1]:8443/',
  'https://[0:0:0:0:0:ffff:127.0.0.1]/',
  'https://0/',
  'https://0.0/',
  'https://00000000000/',
  'https://127.1/',
  'https://127.0.1/',
  'https://0x7f.1/',
  'https://0177.1/',
  'https://2130706433/',
  'https://256.256.256.256/',
  'https://1.2.3.4.5/',
  'https://1.2.3/',
  'https://.example.com/',
  'https://shop..example.com/',
  'https://shop.example.com./',
  'https://-shop.example.com/',
  'https://shop-.example.com/',
  'https://shop.example.c/',
  'https://shop.example.1/',
  `https://${'a'.repeat(64)}.example.com/`,
  `https://${'a.'.repeat(130)}example.com/`,
  `https://shop.example.com/${'a'.repeat(2048)}`,
  'https://shop.example.com:80/',
  'https://shop.example.com:22/',
  'https://shop.example.com:5432/',
  'https://shop.example.com:8080/',
  'https://shop.example.com:65536/',
  'https://shop.example.com:-1/',
  'https://shop.example.com:0/',
  'https://shop.example.com:4x3/',
  'http://shop.example.com/',
  'http://shop.example.com:443/',
  'HTTP://shop.example.com/',
  'ftp://shop.example.com/',
  'file:///etc/passwd',
  'gopher://shop.example.com/',
  'data:text/plain,hello',
  'javascript:alert(1)',
  'unix:///var/run/docker.sock',
  'ws://shop.example.com/',
  'blob:https://shop.example.com/1',
  'https://shop.example.com/ a',
  'https://shop.exam\tple.com/',
  'https://shop.example.com/\r\nHost: 127.0.0.1',
  'https://shop.example.com\u0000.evil.example/',
  'https://shop。example。com/',
  'https://ｓhop.example.com/',
  'https://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/',
  'https://①②⑦.⓪.⓪.①/',
  'https://münchen.example.com/',
  'https://shop.example.com\u200b/',
  'https://shop.example.com\u202e/',
  'https://%6cocalhost/',
  'https://shop%00.example.com/',
  'https://shop.example.com%2f@127.0.0.1/',
  'https://shop.example.com%23.127.0.0.1/',
  'https://shop.example.com/`id`',
  'https://{shop}.example.com/',
  'https://<shop>.example.com/',
]

const refused = [
  ...specialV4.slice(0, 34).flatMap(address => formsOf(address).map(host => `https://${host}/hooks`)),
  ...specialV6.map(address => `https://[${address}]/hooks`),
  ...localNames.flatMap(name => [`https://${name}/hooks`, `https://${name}:8443/hooks`]),
  ...shapes,
]

test('no way of writing an address that is not public passes', () => {
  assert.ok(refused.length >= 250, `${refused.length} URLs`)
  const passed = refused.filter(url => checkPublicUrl(url, { allowLoopback: false }) === undefined)
  assert.deepEqual(passed, [])
})

test('allowing loopback allows loopback and nothing else', () => {
  const loopback = [
    'http://127.0.0.1:4000/a',
    'http://localhost:4000/a',
    'https://[::1]:1/',
    'http://127.8.9.1/',
    'http://api.localhost:80/',
    'http://2130706433/',
  ]
  for (const url of loopback) {
    assert.equal(checkPublicUrl(url, { allowLoopback: true }), undefined, url)
    assert.notEqual(checkPublicUrl(url, { allowLoopback: false }), undefined, url)
  }
  const passed = refused.filter(url => checkPublicUrl(url, { allowLoopback: true }) === undefined)
  const others = passed.filter(
    url => !['127.0.0.1', '[::1]', 'localhost', 'api.localhost', '127.0.0.0', '127.255.255.255'].includes(new URL(url).hostname),
  )
  assert.deepEqual(others, [])
})

test('public addresses and names pass', () => {
  const urls = [
    'https://shop.example.com',
    'https://shop.example.com/hooks?a=1&b=%20#part',
    'https://shop.example.com:443/',
    'https://shop.example.com:8443/',
    'HTTPS://SHOP.EXAMPLE.COM/',
    'https://xn--mnchen-3ya.example.com/',
    'https://a_b.example.com/',
    'https://xn--e1afmkfd.xn--p1ai/',
    'https://8.8.8.8/',
    'https://[2606:4700::1111]/',
    'https://172.15.255.255/',
    'https://172.32.0.1/',
    'https://100.63.255.255/',
    'https://100.128.0.1/',
  ]
  for (const url of urls) assert.equal(checkPublicUrl(url, { allowLoopback: false }), undefined, url)
})

test('an address is judged as it is, whatever it carries inside', () => {
  for (const address of [...specialV4, ...specialV6]) assert.equal(isPublicAddress(address), false, address)
  for (const address of ['1.1.1.1', '8.8.8.8', '193.0.6.139', '2606:4700::1111', '2a00:1450::1', '2001:4860:4860::8888', '2400::1'])
    assert.equal(isPublicAddress(address), true, address)
  for (const odd of ['', '1', '127.1', '0x7f.0.0.1', '8.8.8.8 ', 'fe80::1%eth0', '2606:4700::1111%1', 'example.com'])
    assert.equal(isPublicAddress(odd), false, odd)
  assert.equal(isLoopbackAddress('127.9.9.9'), true)
  assert.equal(isLoopbackAddress('::1'), true)
  for (const not of ['::ffff:127.0.0.1', '0.0.0.0', '10.0.0.1', '2002:7f00:1::', '64:ff9b::7f00:1'])
    assert.equal(isLoopbackAddress(not), false, not)
})
