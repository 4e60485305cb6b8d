using System.Diagnostics;
using Google.Protobuf;
using OpenTelemetry.Resources;

namespace OrleansTempo.Client.Tests;

/// <summary>A client that does with activities what a test wants.</summary>
internal sealed class FakeTempoClient(Func<IReadOnlyList<Activity>, string?, CancellationToken, Task<IngestResult>> ingest) : ITempoClient
{
    public Resource? Resource { get; private set; }

    public Task<IngestResult> IngestAsync(IEnumerable<Activity> activities, Resource? resource = null, string? tenant = null, CancellationToken cancellationToken = default)
    {
        Resource = resource;
        return ingest([.. activities], tenant, cancellationToken);
    }

    public Task<IngestResult> IngestAsync(ReadOnlyMemory<byte> request, string? tenant = null, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public Task<IngestResult> IngestAsync(IMessage request, string? tenant = null, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public Task<TempoTrace?> GetTraceAsync(ActivityTraceId traceId, string? tenant = null, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public Task<TempoTrace?> GetTraceAsync(string traceId, string? tenant = null, CancellationToken cancellationToken = default) => throw new NotSupportedException();
}
