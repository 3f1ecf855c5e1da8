/** Where PayPal wallets can be saved without a purchase, and in which currencies PayPal is paid. */

/** developer.paypal.com/docs/checkout/save-payment-methods/purchase-later/payment-tokens-api/paypal, "Availability". */
export const countries: readonly string[] =
  'AU AT BE BG CA CN CY CZ DK EE FI FR DE HK HU IE IT JP LV LI LT LU MT NL NO PL PT RO SG SK SI ES SE GB US'.split(' ')

/** developer.paypal.com/api/rest/reference/currency-codes: "This currency does not support decimals" of HUF, JPY and TWD. */
export const currencies: ReadonlyMap<string, number> = new Map([
  ...'AUD BRL CAD CHF CNY CZK DKK EUR GBP HKD ILS MXN MYR NOK NZD PHP PLN SEK SGD THB USD'.split(' ').map(code => [code, 2] as const),
  ...['HUF', 'JPY', 'TWD'].map(code => [code, 0] as const),
])
