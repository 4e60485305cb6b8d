using System.Buffers;
using System.IO.Pipelines;
using System.Text;

namespace OrleansTempo.Core.Querier.Traces;

/// <summary>
/// Writes a trace in Tempo's two protobuf formats, flushing as it goes: a <c>Trace</c> (v1), whose one field is <c>resource_spans</c>, and a
/// <c>TraceByIDResponse</c> (v2), which contains a <c>Trace</c>. Every length is computed before its message is written, so nothing has to be
/// buffered.
/// </summary>
public static class TraceProtobuf
{
    private const int FlushBytes = 64 << 10;
    private const int Varint = 0, Bytes = 2;

    // tempopb.PartialStatus
    private const ulong Partial = 1;

    public static async Task WriteV1Async(AssembledTrace trace, PipeWriter output, CancellationToken cancellationToken)
    {
        await WriteTraceAsync(trace, output, cancellationToken);
        await output.FlushAsync(cancellationToken);
    }

    public static async Task WriteV2Async(AssembledTrace trace, PipeWriter output, CancellationToken cancellationToken)
    {
        WriteHead(output, 1, trace.Resources.Sum(static r => FieldLength(Length(r))));
        await WriteTraceAsync(trace, output, cancellationToken);
        WriteTail(trace, output);
        await output.FlushAsync(cancellationToken);
    }

    private static async Task WriteTraceAsync(AssembledTrace trace, PipeWriter output, CancellationToken cancellationToken)
    {
        foreach (var resource in trace.Resources)
        {
            WriteHead(output, 1, Length(resource));
            output.Write(resource.Envelope.Span);
            foreach (var scope in resource.Scopes)
            {
                WriteHead(output, 2, Length(scope));
                output.Write(scope.Envelope.Span);
                foreach (var span in scope.Spans)
                {
                    WriteHead(output, 2, span.Span.Length);
                    output.Write(span.Span.Span);
                    if (output.UnflushedBytes >= FlushBytes)
                        await output.FlushAsync(cancellationToken);
                }
            }
        }
    }

    // metrics { inspectedBytes = 1 } = 2, status = 3, message = 4
    private static void WriteTail(AssembledTrace trace, PipeWriter output)
    {
        var inspected = (ulong)trace.InspectedBytes;
        WriteHead(output, 2, inspected == 0 ? 0 : 1 + ProtoWire.VarintLength(inspected));
        if (inspected != 0)
            WriteNumber(output, 1, inspected);
        if (trace.Message.Length == 0)
            return;
        WriteNumber(output, 3, Partial);
        var message = Encoding.UTF8.GetBytes(trace.Message);
        WriteHead(output, 4, message.Length);
        output.Write(message);
    }

    private static long Length(ResourceGroup resource) => resource.Envelope.Length + resource.Scopes.Sum(static s => FieldLength(Length(s)));

    private static long Length(ScopeGroup scope) => scope.Envelope.Length + scope.Spans.Sum(static s => FieldLength(s.Span.Length));

    // A field of a number below 16: its tag is one byte.
    private static long FieldLength(long content) => 1 + ProtoWire.VarintLength((ulong)content) + content;

    private static void WriteHead(PipeWriter output, int field, long length)
    {
        ProtoWire.WriteVarint(output, (ulong)((field << 3) | Bytes));
        ProtoWire.WriteVarint(output, (ulong)length);
    }

    private static void WriteNumber(PipeWriter output, int field, ulong value)
    {
        ProtoWire.WriteVarint(output, (ulong)((field << 3) | Varint));
        ProtoWire.WriteVarint(output, value);
    }
}
