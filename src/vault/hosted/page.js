// The whole of the hosted page: types a card into the vault that served it, and binds it with the client secret behind the #. No other script.
const api = document.documentElement.dataset.api
const form = document.querySelector('form')
const otp = document.querySelector('#otp')
const told = document.querySelector('#told')
const back = document.querySelector('#back')
const secret = secretOf()
const pauseMs = 2_000

/** Out of the address at once: it is a key. A reload finds it where only this tab looks. */
function secretOf() {
  const given = location.hash.slice(1)
  if (given.startsWith('bss_')) {
    sessionStorage.setItem('secret', given)
    history.replaceState(null, '', location.pathname)
  }
  return sessionStorage.getItem('secret') ?? ''
}

class Refused extends Error {
  constructor(status, problem) {
    super(problem.detail ?? `the answer was ${status}`)
    this.status = status
    this.errors = problem.errors ?? []
  }
}

async function send(url, key, method, body) {
  const headers = { authorization: `Bearer ${key}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) }
  const response = await fetch(url, {
    method,
    headers,
    credentials: 'omit',
    cache: 'no-store',
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const answer = await response.json()
  if (!response.ok) throw new Refused(response.status, answer)
  return answer
}
const session = (method, path, body) => send(`${api}/v1/binding_session${path}`, secret, method, body)

function say(text, isWrong = false) {
  told.textContent = text
  told.classList.toggle('wrong', isWrong)
}

const only = shown => {
  for (const one of [form, otp]) one.hidden = one !== shown
}

const endings = {
  failed: 'That did not work. Please go back and try again.',
  expired: 'This page has expired. Please go back and open it again.',
  cancelled: 'This was cancelled.',
}

function backTo(state) {
  const url = new URL(state.return_url)
  url.searchParams.set('binding_session', state.id)
  if (state.instrument !== null) url.searchParams.set('instrument', state.instrument.id)
  url.searchParams.set('status', state.status)
  return url.href
}

/** Shows where the session stands; it is all the state there is. */
function show(state) {
  document.documentElement.dataset.status = state.status
  back.href = backTo(state)
  back.hidden = false
  if (state.status === 'open') return showForm(state)
  if (state.status === 'complete') {
    only(undefined)
    const { card } = state.instrument
    say(card === null ? 'Saved.' : `Saved: ${card.brand ?? 'card'} ending in ${card.last4 ?? ''}`)
    return location.assign(backTo(state))
  }
  if (state.status in endings) {
    only(undefined)
    return say(endings[state.status], true)
  }
  return showNext(state.next_action)
}

function showForm(state) {
  if (state.kinds !== null && !state.kinds.includes('card')) {
    only(undefined)
    return say('Nothing can be typed in here for this. Please go back.', true)
  }
  only(form)
  const consent = document.querySelector('#consent')
  consent.hidden = state.consent_text_version === null
  form.elements.agreed.required = !consent.hidden
  document.querySelector('#version').textContent = state.consent_text_version ?? ''
  if (state.last_submission === 'refused') say('That card was not accepted. Please try another one.', true)
}

function showNext(action) {
  only(undefined)
  const type = action === null ? 'wait' : action.type
  if (type === 'redirect') return leaveFor(action)
  if (type === 'app_link') return location.assign(action.url)
  if (type === 'otp') {
    only(otp)
    return say(`A code was sent to ${action.sent_to ?? action.sentTo ?? 'you'}.`)
  }
  if (type === 'three_ds' || type === 'qr' || type === 'micro_deposits') return say('Please go back to the shop to go on.')
  say('Please wait while your bank is asked.')
  setTimeout(() => attempt(async () => show(await session('POST', '/resume', { returned: {} }))), pauseMs)
}

function leaveFor({ url, method, data }) {
  say('You are taken to your bank.')
  if (method !== 'POST') return location.assign(url)
  const leaving = document.createElement('form')
  leaving.method = 'post'
  leaving.action = url
  for (const [name, value] of Object.entries(data ?? {})) {
    const field = document.createElement('input')
    field.type = 'hidden'
    field.name = name
    field.value = value
    leaving.append(field)
  }
  document.body.append(leaving)
  leaving.submit()
}

/** Fields of the card, by what the vault calls them. */
function cardIn({ number, expiry, security_code: code, holder }) {
  const [month = '', year = ''] = expiry.value.split('/').map(part => part.trim())
  return {
    number: number.value,
    expiry_month: Number(month),
    expiry_year: Number(year.length === 2 ? `20${year}` : year),
    ...(code.value === '' ? {} : { security_code: code.value }),
    ...(holder.value.trim() === '' ? {} : { holder: holder.value.trim() }),
  }
}
const fieldOf = pointer => (pointer.startsWith('/expiry') ? 'expiry' : pointer.slice(1))

/** What goes wrong is said beside the field it is about, or above the form. */
async function attempt(act) {
  try {
    await act()
  } catch (error) {
    const known = error instanceof Refused
    say(known ? advice(error) : 'Nobody could be reached. Please try again.', true)
    for (const { pointer } of known ? error.errors : []) form.elements[fieldOf(pointer)]?.setAttribute?.('aria-invalid', 'true')
  }
}

function advice({ status, errors, message }) {
  if (status === 401) return 'This page has expired. Please go back and open it again.'
  const [first] = errors
  return first === undefined ? message : `${fieldOf(first.pointer).replaceAll('_', ' ')} ${first.detail}`
}

form.addEventListener('submit', event => {
  event.preventDefault()
  const { elements } = form
  const button = form.querySelector('button')
  for (const one of elements) one.removeAttribute('aria-invalid')
  button.disabled = true
  say('')
  void attempt(async () => {
    const { grant } = await session('POST', '/capture_grants')
    // Always where this page came from: no address in an answer sends a card elsewhere.
    const { reference } = await send('capture', grant, 'POST', cardIn(elements))
    for (const name of ['number', 'security_code']) elements[name].value = ''
    show(await session('POST', '/submit', { card: { capture: reference }, agreed: elements.agreed.checked }))
  }).finally(() => {
    button.disabled = false
  })
})

otp.addEventListener('submit', event => {
  event.preventDefault()
  const { code } = otp.elements
  void attempt(async () => show(await session('POST', '/resume', { returned: { otp: code.value } })))
})

// Another link in the same tab changes what stands behind the # and nothing else.
addEventListener('hashchange', () => location.reload())

if (secret === '') say('This page is opened by a link from a shop. Please go back and open it again.', true)
else void attempt(async () => show(await session('GET', '')))
