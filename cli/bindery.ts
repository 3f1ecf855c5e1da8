#!/usr/bin/env node
/** The command line: `npx bindery <command>`. Commands are a list; what each prints with `--json` is for programs. */
import { channels } from '../src/channels/index.ts'
import { printChannels } from './channels.ts'

type Command = { readonly about: string; readonly run: (options: { readonly json: boolean }) => string }

const commands: Readonly<Record<string, Command>> = {
  channels: { about: 'what each channel can do, read off the channels themselves', run: options => printChannels(channels.values(), options) },
}

const [name = '', ...rest] = process.argv.slice(2)
const unknown = rest.filter(one => one !== '--json')
const command = Object.entries(commands).find(([one]) => one === name)?.[1]
if (command === undefined || unknown.length > 0) {
  const list = Object.entries(commands).map(([one, { about }]) => `  npx bindery ${one} [--json]   ${about}`)
  console.error(`${name === '' ? 'A command is needed' : `There is no ${[name, ...unknown].join(' ')}`}:\n\n${list.join('\n')}`)
  process.exitCode = 2
} else process.stdout.write(command.run({ json: rest.includes('--json') }))
