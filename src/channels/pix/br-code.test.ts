import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isRecord } from '../json.ts'
import { specJudge, specsDirOf } from '../judge.ts'
import { loadDocument } from '../judge-document.ts'
import { checksum, locationOf, recurrenceCode } from './br-code.ts'

const skip = specJudge(specsDirOf()) === 'off' ? 'the official specifications are not at hand (SPECS_DIR)' : false

/** Every `pixCopiaECola` of the specification's examples, with the location of the recurrence it belongs to. */
function officialCodes(): readonly { readonly journey: string; readonly code: string; readonly location: string }[] {
  const { components } = loadDocument(`${specsDirOf()}/pix/openapi.yaml`)
  const examples = isRecord(components) && isRecord(components.examples) ? components.examples : {}
  return Object.values(examples).flatMap(one => {
    const value = isRecord(one) && isRecord(one.value) ? one.value : {}
    const { dadosQR, loc } = value
    if (!isRecord(dadosQR) || !isRecord(loc)) return []
    return [{ journey: String(dadosQR.jornada), code: String(dadosQR.pixCopiaECola), location: String(loc.location) }]
  })
}

test('the official example of journey 2 is made again, letter by letter', { skip }, () => {
  const official = officialCodes().find(one => one.journey === 'JORNADA_2')
  assert.ok(official !== undefined)
  assert.equal(recurrenceCode({ location: official.location, merchantName: 'Fulano de Tal', merchantCity: 'BRASILIA' }), official.code)
})

test('the location is found in the official codes of every journey', { skip }, () => {
  const all = officialCodes()
  assert.deepEqual(all.map(one => one.journey).toSorted(), ['JORNADA_2', 'JORNADA_3', 'JORNADA_4'])
  for (const { code, location } of all) assert.equal(locationOf(code), location)
})

test('the checksum is CRC-16/CCITT-FALSE: its check value is that of the catalogues', () => assert.equal(checksum('123456789'), '29B1'))

test('a code that was cut, changed or made of something else holds no location', () => {
  const code = recurrenceCode({ location: 'pix.example.com/qr/v2/rec/1', merchantName: 'A', merchantCity: 'B' })
  assert.equal(locationOf(code), 'pix.example.com/qr/v2/rec/1')
  for (const bad of ['', 'x', code.slice(0, -1), code.replace('rec/1', 'rec/2'), code.replace(/.{4}$/, '0000')])
    assert.equal(locationOf(bad), undefined, bad)
  const single = '00020126180014br.gov.bcb.pix5204000053039865802BR5901A6001B62070503***6304'
  assert.equal(locationOf(single + checksum(single)), undefined)
})
