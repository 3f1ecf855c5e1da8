/**
 * Every code of API Pix 2.9.0 by what it means: the types of its problems (RFC 7807), why a recurrence was rejected, and why it was
 * cancelled. The specification lists the latter two without words ("corresponds to the catalogue of messages"); what they say is taken
 * from the ISO 20022 names and from how a participant handles pain.011 and pain.012 (Sicredi, spi-recorrencia, public repository).
 */
import type { RefusalCategory } from '../channel.ts'
import { categoryByCode } from '../refusal.ts'

/** `https://pix.bcb.gov.br/api/v2/error/<type>`: the last part. */
export const problemTypes = {
  try_later: ['ErroInternoDoServidor', 'ServicoIndisponivel', 'IndisponibilidadePorTempoEsgotado'],
  misconfigured: [
    ...['AcessoNegado', 'RequisicaoInvalida', 'NaoEncontrado', 'PermanentementeRemovido'],
    ...['RecPayloadNaoEncontrado', 'RecPayloadOperacaoInvalida'],
    ...['RecNaoEncontrada', 'RecOperacaoInvalida', 'RecConsultaInvalida'],
    ...['SolicRecNaoEncontrada', 'SolicRecOperacaoInvalida'],
    ...['PayloadLocationRecNaoEncontrado', 'PayloadLocationRecConsultaInvalida'],
    ...['WebhookRecOperacaoInvalida', 'WebhookRecConsultaInvalida'],
    // Of operations we do not use: charges, and Pix without a mandate.
    ...['CobRNaoEncontrado', 'CobROperacaoInvalida', 'CobRConsultaInvalida', 'WebhookCobROperacaoInvalida', 'WebhookCobRConsultaInvalida'],
    ...['CobNaoEncontrado', 'CobOperacaoInvalida', 'CobConsultaInvalida', 'CobPayloadNaoEncontrado', 'CobPayloadOperacaoInvalida'],
    ...['CobVNaoEncontrada', 'CobVOperacaoInvalida', 'CobVConsultaInvalida'],
    ...['LoteCobVNaoEncontrado', 'LoteCobVOperacaoInvalida', 'LoteCobVConsultaInvalida'],
    ...['PayloadLocationNaoEncontrado', 'PayloadLocationOperacaoInvalida', 'PayloadLocationConsultaInvalida'],
    ...['PixNaoEncontrado', 'PixDevolucaoNaoEncontrada', 'PixConsultaInvalida', 'PixDevolucaoInvalida'],
    ...['WebhookOperacaoInvalida', 'WebhookNaoEncontrado', 'WebhookConsultaInvalida'],
  ],
} as const

/** `encerramento.rejeicao.codigo`: the payer does not know the receiver (AP13), or does not want Pix Automático with them (AP14). */
export const rejectionCodes = { cancelled_by_customer: ['AP13', 'AP14'] } as const

/**
 * `encerramento.cancelamento.codigo`: account closed (ACCL), the receiving company closed (CPCL), the payer died (DCSD), the request for
 * confirmation failed (ERSL), fraud suspected (FRUD), confirmed by another journey (PCFD), asked for by the receiver (SLCR) or by the
 * payer (SLDB).
 */
export const cancellationCodes = {
  account_closed: ['ACCL', 'DCSD'],
  misconfigured: ['CPCL'],
  try_later: ['ERSL'],
  fraud_suspected: ['FRUD'],
  mandate_revoked: ['PCFD', 'SLCR', 'SLDB'],
} as const

/** Not a code of its own: the recurrence ended as `EXPIRADA` before the payer had approved it. */
export const expiredCode = 'EXPIRADA'

/** RFC 6749, 5.2: why no access token was given. */
export const tokenErrors = [
  'invalid_request',
  'invalid_client',
  'invalid_grant',
  'unauthorized_client',
  'unsupported_grant_type',
  'invalid_scope',
] as const

export const refusals: ReadonlyMap<string, RefusalCategory> = categoryByCode({
  ...cancellationCodes,
  ...rejectionCodes,
  cancelled_by_customer: [...rejectionCodes.cancelled_by_customer, expiredCode],
  try_later: [...problemTypes.try_later, ...cancellationCodes.try_later],
  misconfigured: [...problemTypes.misconfigured, ...cancellationCodes.misconfigured, ...tokenErrors],
})
