import { contract } from '../contract.ts'
import { subject } from './subject.ts'

contract(subject)
