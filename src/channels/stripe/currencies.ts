/**
 * What Stripe charges in, with the decimal places of its API (docs.stripe.com/currencies, presentment currencies and their minor units).
 * ISK and UGX have no minor unit in ISO 4217 but two places here ("to maintain backwards compatibility, you must pass in amounts with two
 * decimals"). What ISO 4217 has retired (ANG, BGN, STD) is left out. The page lists the currencies by the account's country;
 * these are those of a card account in the United States.
 */
const places: Readonly<Record<0 | 2 | 3, string>> = {
  0: 'BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF',
  2: `AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BWP BYN BZD CAD CDF CHF CNY COP CRC CVE CZK DKK DOP DZD EGP
    ETB EUR FJD FKP GBP GEL GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR ISK JMD KES KGS KHR KYD KZT LAK LBP LKR LRD LSL MAD MDL MKD MMK MNT
    MOP MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SEK SGD SHP SLE SOS SRD SZL
    THB TJS TOP TRY TTD TWD TZS UAH UGX USD UYU UZS WST XCD YER ZAR ZMW`,
  3: 'BHD JOD KWD OMR TND',
}
const split = (text: string) => text.trim().split(/\s+/)

export const currencies: ReadonlyMap<string, number> = new Map([
  ...split(places[0]).map(code => [code, 0] as const),
  ...split(places[2]).map(code => [code, 2] as const),
  ...split(places[3]).map(code => [code, 3] as const),
])
