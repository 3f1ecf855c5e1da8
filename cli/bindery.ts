#!/usr/bin/env node
/** The command line: `npx bindery <command>`. Commands are a list; what each prints with `--json` is for programs. */
import { channels } from '../src/channels/index.ts'
import { auditCommand } from './audit.ts'
import { backupCommand } from './backup.ts'
import { CliError } from './caller.ts'
import { printChannels } from './channels.ts'
import { keyCommand } from './key.ts'
import { exportCommand, importCommand } from './moving.ts'
import { pruneCommand } from './prune.ts'
import { releaseCommand } from './release.ts'
import { unknownsCommand } from './unknowns.ts'
import { restoreCommand } from './restore.ts'
import { shredAgainCommand } from './shred-again.ts'
import { vaultCommand } from './vault.ts'
import { verify } from './verify.ts'

/** Prints, and gives the process's exit code. */
type Command = { readonly about: string; readonly run: (args: readonly string[]) => number | Promise<number> }

/** Of a command that takes `--json` and nothing else. */
function jsonOnly(name: string, args: readonly string[]): { readonly json: boolean } {
  const unknown = args.filter(one => one !== '--json')
  if (unknown.length > 0) throw new CliError(`${name} takes --json and nothing else: ${unknown.join(' ')}`)
  return { json: args.includes('--json') }
}

const commands: Readonly<Record<string, Command>> = {
  channels: {
    about: '[--json]   what each channel can do, read off the channels themselves',
    run: args => {
      process.stdout.write(printChannels(channels.values(), jsonOnly('channels', args)))
      return 0
    },
  },
  verify: {
    about: '[--json]   every instrument and binding recomputed from its facts; ends with 1 where one differs',
    run: args => verify(jsonOnly('verify', args), line => console.log(line)),
  },
  unknowns: {
    about: '[--kind …] [--channel …] [--older-than <seconds>] [--json]   what is in doubt, oldest first; ends with 1 where a person has to look',
    run: args => unknownsCommand(args, line => console.log(line)),
  },
  audit: { about: 'verify [--key <text or file>] [--witness <file>] [--json]   the vault\'s audit, row by row; ends with 1 where it is not whole', run: auditCommand },
  key: {
    about: '--tenant <id> | --new-tenant <name> --mode live --role <role> [--person <who>] [--json]   a key, told once',
    run: args => keyCommand(args, line => console.log(line)),
  },
  vault: { about: 'ceremony | unseal | status | rotate | transit   the keys of the vault', run: vaultCommand },
  backup: { about: '--to <folder> | --check <folder> [--json]   the embedded database, while it works; or whether a backup is whole', run: args => backupCommand(args, line => console.log(line)) },
  restore: {
    about: '--from <backup> --to <new folder> [--until <time>]   a data folder as the database was then',
    run: args => restoreCommand(args, line => console.log(line)),
  },
  prune: {
    about: '--backups <folder> [--days 35]   takes old backups away, with the log that only they needed, and packs the rest',
    run: args => pruneCommand(args, line => console.log(line)),
  },
  'shred-again': {
    about: '[--shreds <file>]   on a PostgreSQL of your own that was restored: what was shredded since',
    run: args => shredAgainCommand(args, line => console.log(line)),
  },
  import: { about: '<file>     take over what another system holds', run: args => importCommand(args, process.env) },
  'release-cards': {
    about: '--tenant <id> --mode live --certificate <file> --cards <n>   allow that many card numbers to leave for that certificate, once',
    run: args => releaseCommand(args, line => console.log(line)),
  },
  export: { about: '--to <folder> | --verify <folder>   write down all instruments and their tokens, signed', run: args => exportCommand(args, process.env) },
}

const [name = '', ...rest] = process.argv.slice(2)
const command = Object.entries(commands).find(([one]) => one === name)?.[1]
if (command === undefined) {
  const list = Object.entries(commands).map(([one, { about }]) => `  npx bindery ${one} ${about}`)
  console.error(`${name === '' ? 'A command is needed' : `There is no ${name}`}:\n\n${list.join('\n')}`)
  process.exitCode = 2
} else
  try {
    process.exitCode = await command.run(rest)
  } catch (error) {
    if (!(error instanceof CliError) && !(error instanceof Error && 'code' in error)) throw error
    console.error(error.message)
    process.exitCode = 2
  }
