import { contract } from '../contract.ts'
import { stripeSubject } from './subject.ts'

contract(stripeSubject)
