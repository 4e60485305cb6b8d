// Sends calls of the service web, served by the service shop, with one of OpenTelemetry's own exporters.
//   node send.js grpc|proto|json <endpoint> <calls>
import { ROOT_CONTEXT, SpanKind, trace } from '@opentelemetry/api';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';

const [protocol, url, calls] = process.argv.slice(2);
const { OTLPTraceExporter } = await import(
  `@opentelemetry/exporter-trace-otlp-${{ grpc: 'grpc', proto: 'proto', json: 'http' }[protocol]}`
);

const provider = (service) =>
  new BasicTracerProvider({
    resource: resourceFromAttributes({ 'service.name': service }),
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter({ url }))],
  });
const web = provider('web');
const shop = provider('shop');

for (let call = 0; call < Number(calls); call++) {
  const client = web.getTracer('send').startSpan('GET shop', { kind: SpanKind.CLIENT }, ROOT_CONTEXT);
  const server = shop.getTracer('send').startSpan('GET /items', { kind: SpanKind.SERVER }, trace.setSpan(ROOT_CONTEXT, client));

  // As a limit on the length of attributes cuts it: half a surrogate pair.
  client.setAttribute('note', 'Ship it 😀'.slice(0, -1));
  server.end();
  client.end();
}

// Rejects, and ends the process with an error, when the server refuses the spans.
await Promise.all([web.forceFlush(), shop.forceFlush()]);
await Promise.all([web.shutdown(), shop.shutdown()]);
