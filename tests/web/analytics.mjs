// Sends events with @segment/analytics-node as its README has it, changed in nothing but the host.
//   node analytics.mjs HOST WRITE_KEY N
import { Analytics } from '@segment/analytics-node'

const [host, writeKey, count] = process.argv.slice(2)
const analytics = new Analytics({ writeKey, host, flushAt: 100, maxRetries: 30 })
analytics.on('error', (error) => console.error('error', error.code, String(error.reason ?? '')))

for (let at = 0; at < Number(count); at += 1) {
  const anonymousId = `node-anonymous-${at % 50}`
  const userId = `node-${at % 50}`
  if (at < 50) analytics.identify({ userId, anonymousId, traits: { email: `node${at}@example.org` } })
  else if (at % 2) analytics.track({ anonymousId, event: 'Product Viewed', properties: { at: `n${at}`, sku: 'G-32' } })
  else analytics.track({ userId, event: 'Order Completed', properties: { at: `n${at}`, revenue: 39.95, currency: 'EUR' } })
  if (at % 200 === 0) await new Promise((resolve) => setTimeout(resolve, 20))
}
await analytics.closeAndFlush({ timeout: 120000 })
