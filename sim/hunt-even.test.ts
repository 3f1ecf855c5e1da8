import { hunt } from './hunt.ts'

hunt(0, 2)
