/**
 * The wallets behind Antom: one adapter, one name each. The codes are `CustomerBelongsTo` of the official Java SDK (2.2.8); the bank debits
 * and the business account of that list are no wallets and are left out. Countries are those of the wallets' customers
 * (docs.antom.com/ac/pm/supported_pm, docs.antom.com/ac/ref/payment_method).
 */
export type Wallet = {
  /** Ours, as `Source.brand` says it: the code in lower case. */
  readonly brand: string
  readonly code: string
  readonly country: string
}

const countries: Readonly<Record<string, string>> = {
  ALIPAY_CN: 'CN',
  ALIPAY_HK: 'HK',
  MPAY: 'MO',
  DANA: 'ID',
  PAYPAY: 'JP',
  BOOST: 'MY',
  TNG: 'MY',
  GRABPAY_MY: 'MY',
  HIPAY: 'MN',
  GCASH: 'PH',
  MAYA: 'PH',
  GRABPAY_PH: 'PH',
  GRABPAY_SG: 'SG',
  KAKAOPAY: 'KR',
  NAVERPAY: 'KR',
  TOSSPAY: 'KR',
  RABBIT_LINE_PAY: 'TH',
  TRUEMONEY: 'TH',
  KPLUS: 'TH',
  ZALOPAY: 'VN',
  MOMO: 'VN',
  VIETTELMONEY: 'VN',
  JKOPAY: 'TW',
  BKASH: 'BD',
  EASYPAISA: 'PK',
}

export const wallets: readonly Wallet[] = Object.entries(countries).map(([code, country]) => ({
  brand: code.toLowerCase(),
  code,
  country,
}))

export const walletOf = (brand: string): Wallet | undefined => wallets.find(one => one.brand === brand)
export const walletByCode = (code: string): Wallet | undefined => wallets.find(one => one.code === code)
