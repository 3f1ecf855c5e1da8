import { contract } from '../contract.ts'
import { adyenSubject } from './subject.ts'

contract(adyenSubject)
