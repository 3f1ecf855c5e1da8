/** The suite of every channel, on Checkout.com. */
import { contract } from '../contract.ts'
import { subject } from './subject.ts'

contract(subject)
