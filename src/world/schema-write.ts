/** `npm run schema`: writes migrations/schema.sql anew from the migrations. Start it as a program. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { migrationsFolder } from './migrate.ts'
import { printSchema } from './schema.ts'
import { testDatabase } from './testing.ts'

const database = await testDatabase({ on: 'embedded' })
writeFileSync(join(migrationsFolder, 'schema.sql'), await printSchema(database.connection))
await database.close()
console.log('migrations/schema.sql is what the migrations add up to')
