/**
 * What the sandbox does on purpose. Antom's own sandbox has one test wallet page and no values that fail, so all of these are ours: by the
 * wallet's name, since a request says little else.
 */
import type { SandboxValue } from '../channel.ts'
import type { RefusalCategory } from '../refusal.ts'
import type { Shape } from '../source.ts'

type Bad = { readonly at: 'consult' | 'applyToken'; readonly code: string; readonly category: RefusalCategory }

/** Wallets that refuse in the sandbox. */
export const badWallets: Readonly<Record<string, Bad>> = {
  hipay: { at: 'consult', code: 'NO_PAY_OPTIONS', category: 'not_supported' },
  mpay: { at: 'consult', code: 'PAYMENT_NOT_QUALIFIED', category: 'not_permitted' },
  viettelmoney: { at: 'consult', code: 'RISK_REJECT', category: 'fraud_suspected' },
  kplus: { at: 'consult', code: 'PROCESS_FAIL', category: 'do_not_honour' },
  easypaisa: { at: 'consult', code: 'MERCHANT_NOT_REGISTERED', category: 'misconfigured' },
  jkopay: { at: 'applyToken', code: 'USER_NOT_EXIST', category: 'account_closed' },
  rabbit_line_pay: { at: 'applyToken', code: 'EXPIRED_AUTHCODE', category: 'authentication_failed' },
}
/** Exchanging a code twice is answered as used, and `TOKEN_CREATED` tells the token; elsewhere the same token comes again. */
export const singleUse: ReadonlySet<string> = new Set(['dana'])
/** No refresh token: the access token lives long. */
export const lasting: ReadonlySet<string> = new Set(['alipay_cn'])

const value = (title: string, brand: string, by: Shape & ('redirect' | 'app_link' | 'qr'), country: string): SandboxValue => ({
  title,
  shape: by,
  source: { type: 'wallet', brand, by, payer: { held: [], tail: '', country } },
  give: {},
  outcome: 'challenged',
  from: 'ours',
})

const refusing = Object.entries(badWallets).map(([brand, { at, code, category }]): SandboxValue => {
  const { outcome: _, ...rest } = value(`${brand}: ${code}`, brand, 'redirect', 'HK')
  return at === 'consult' ? { ...rest, outcome: category } : { ...rest, outcome: 'challenged', ends: category }
})

export const sandboxValues: readonly SandboxValue[] = [
  value('AlipayHK in the browser', 'alipay_hk', 'redirect', 'HK'),
  value('GCash, its app opened by a link', 'gcash', 'app_link', 'PH'),
  value('Touch ’n Go, a code to scan', 'tng', 'qr', 'MY'),
  value('DANA, whose codes are good once', 'dana', 'redirect', 'ID'),
  value('Alipay, whose tokens last', 'alipay_cn', 'redirect', 'CN'),
  ...refusing,
]
