/** The channels, a line each: a new one is a folder beside this file and its line here. */
export { adyen } from './adyen/channel.ts'
export { antom } from './antom/channel.ts'
export { camara } from './camara/channel.ts'
export { checkout } from './checkout/channel.ts'
export { gocardless } from './gocardless/channel.ts'
export { pix } from './pix/channel.ts'
export { square } from './square/channel.ts'
export { stripe } from './stripe/channel.ts'
