using OrleansTempo.Core.Ingester;
using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Core.Tests.Ingester;

/// <summary>Decides which of several processes has a partition, as trace grains would; one that is open nowhere yet is opened in <see cref="PlaceOf"/>.</summary>
internal sealed class Partitions : IRemotePartitions
{
    /// <summary>The process that a partition is opened in.</summary>
    public required Func<int, LocalIngesters> PlaceOf { get; set; }

    /// <summary>Partitions that were requested from outside, one number per request.</summary>
    public List<int> Asked { get; } = [];

    /// <summary>The answer of calls that reach nobody.</summary>
    public string? Unreachable { get; set; }

    public Task OpenAsync(TenantId tenant, int partition)
    {
        if (Unreachable is { } reason)
            return Task.FromException(new IOException(reason));
        PlaceOf(partition).Open(tenant, partition);
        return Task.CompletedTask;
    }

    public async Task<IngestOutcome> PushAsync(TenantId tenant, int partition, SpanBatch batch, ReadOnlyMemory<int> spans, bool isReplayed)
    {
        lock (Asked)
            Asked.Add(partition);
        if (Unreachable is { } reason)
            return new IngestOutcome { Unavailable = reason };
        await OpenAsync(tenant, partition);
        return await PlaceOf(partition).PushAsync(tenant, partition, batch, spans, isReplayed);
    }
}
