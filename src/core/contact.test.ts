import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isEmail, isPhone, isVpa } from './contact.ts'

test('a telephone number is in E.164', () => {
  for (const one of ['+14155550100', '+6281234567890', '+6581234567', '+2901234', '+491511234567890'])
    assert.ok(isPhone(Buffer.from(one)), one)
  for (const one of [
    '',
    '+',
    '14155550100',
    '0014155550100',
    '+04155550100',
    '+123456',
    '+1234567890123456',
    '+1 415 555 0100',
    '+1415555O100',
  ])
    assert.equal(isPhone(Buffer.from(one)), false, one)
})

test('an e-mail address has the shape browsers ask for, and a dot in its domain', () => {
  for (const one of ['a@b.co', 'first.last+tag@shop.example', "o'brien@mail.example.com"]) assert.ok(isEmail(one), one)
  const refused = [
    '',
    'a',
    'a@b',
    '@b.co',
    'a@',
    'a b@c.co',
    'a@b..co',
    'a@-b.co',
    'a@b.co\n',
    'a@b.co,c@d.co',
    'zoë@b.co',
    `${'a'.repeat(65)}@b.co`,
  ]
  for (const one of [...refused, `a@${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(63)}.${'e'.repeat(63)}.co`])
    assert.equal(isEmail(one), false, one)
})

test('a UPI address is a name at a handle', () => {
  for (const one of ['success@razorpay', 'gaurav.kumar@okaxis', '9876543210@ybl', 'a-b_c@upi', '50100012345678@HDFC0000001.ifsc.npci'])
    assert.ok(isVpa(one), one)
  for (const one of [
    '',
    'a@upi',
    'gaurav',
    'gaurav@',
    '@upi',
    'a b@upi',
    'gaurav@ok axis',
    'gaurav@1',
    'gaurav@upi@upi',
    'गौरव@upi',
    '.ab@upi',
  ])
    assert.equal(isVpa(one), false, one)
})
