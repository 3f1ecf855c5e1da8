/**
 * ISO 4217 list one as of 2026: every active currency that has a minor unit, by its number of decimal places. Not from `Intl`, whose
 * data is for showing (it gives HUF, IDR and others 0 places where the standard has 2). Precious metals, bond units, XDR, XSU, XUA and
 * the test codes have no minor unit and cannot be an amount.
 */
const placesOf = {
  0: 'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF',
  2: `AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE
    CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK
    LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON
    RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST
    XAD XCD XCG YER ZAR ZMW ZWG`,
  3: 'BHD IQD JOD KWD LYD OMR TND',
  4: 'CLF UYW',
}

/** Code → decimal places. */
export const currencies: ReadonlyMap<string, number> = new Map(
  Object.entries(placesOf).flatMap(([places, codes]) =>
    codes
      .trim()
      .split(/\s+/)
      .map((code): [string, number] => [code, Number(places)]),
  ),
)

export const isCurrency = (code: string): boolean => currencies.has(code)

/** Decimal places of a currency: JPY 0, EUR 2, KWD 3, CLF 4. Throws a TypeError (a bug) for a code that was not checked at the edge. */
export function decimalPlaces(currency: string): number {
  const places = currencies.get(currency)
  if (places === undefined) throw new TypeError('not a currency with a minor unit')
  return places
}
