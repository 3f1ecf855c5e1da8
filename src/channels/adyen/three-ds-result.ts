/** What a browser brings from the two stages of 3-D Secure 2, as Checkout v71 describes it: base64 of JSON. */

const base64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64')

/** `threeds2.fingerprint`: "contains threeDSCompInd"; Y when the method URL was loaded (EMVCo 3-D Secure 2, 3DS Method Completion Indicator). */
export const fingerprintResult = base64({ threeDSCompInd: 'Y' })
/** `threeDSResult`: "contains transStatus, authorisationToken". */
export const resultOf = (authorisationToken: string, passed: boolean): string =>
  base64({ transStatus: passed ? 'Y' : 'N', authorisationToken })
