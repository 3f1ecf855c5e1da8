#!/usr/bin/env node
/** The command line: `npx bindery <command>`. Commands are a list; what each prints with `--json` is for programs. */
import { channels } from '../src/channels/index.ts'
import { printChannels } from './channels.ts'
import { verify } from './verify.ts'

/** `run`: prints, and gives the exit code. */
type Command = { readonly about: string; readonly run: (options: { readonly json: boolean }) => number | Promise<number> }

const commands: Readonly<Record<string, Command>> = {
  channels: {
    about: 'what each channel can do, read off the channels themselves',
    run: options => {
      process.stdout.write(printChannels(channels.values(), options))
      return 0
    },
  },
  verify: {
    about: 'every instrument and binding recomputed from its facts; ends with 1 where one differs',
    run: options => verify(options, line => console.log(line)),
  },
}

const [name = '', ...rest] = process.argv.slice(2)
const unknown = rest.filter(one => one !== '--json')
const command = Object.entries(commands).find(([one]) => one === name)?.[1]
if (command === undefined || unknown.length > 0) {
  const list = Object.entries(commands).map(([one, { about }]) => `  npx bindery ${one} [--json]   ${about}`)
  console.error(`${name === '' ? 'A command is needed' : `There is no ${[name, ...unknown].join(' ')}`}:\n\n${list.join('\n')}`)
  process.exitCode = 2
} else process.exitCode = await command.run({ json: rest.includes('--json') })
