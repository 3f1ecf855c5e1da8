/** What a Pix institution may send and nobody hopes for: news that says the opposite. */
import { isRecord } from '../json.ts'
import { retold, type SimulatorEvent } from '../simulator.ts'

/** Of a recurrence that was approved: that its payer cancelled it, at the same moment. */
export function contradict(event: SimulatorEvent): SimulatorEvent | undefined {
  if (event.type !== 'rec.APROVADA') return undefined
  return retold(event, 'rec.CANCELADA', body => {
    const recs = Array.isArray(body.recs) ? body.recs.filter(isRecord) : []
    const encerramento = {
      cancelamento: { solicitante: 'USUARIO_PAGADOR', codigo: 'SLDB', descricao: 'Cancelamento solicitado pelo usuário pagador' },
    }
    return { ...body, recs: recs.map(one => ({ ...one, status: 'CANCELADA', encerramento })) }
  })
}
