import { hunt } from './hunt.ts'

hunt(1, 2)
