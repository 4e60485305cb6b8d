using OrleansTempo.Core.Generator.Samples;
using OrleansTempo.Core.RemoteWrite.Messages;

namespace OrleansTempo.Core.RemoteWrite;

/// <summary>One collection being encoded: visit its series, then pass it to <see cref="RemoteWriter.Complete"/>, and dispose it in any case.</summary>
public sealed class RemoteWriteBatch : IDisposable
{
    private readonly IWriteRequestEncoder[] _encoders;

    internal RemoteWriteBatch(long timestampMs, IWriteRequestEncoder[] encoders, MetadataRequest? metadata)
    {
        TimestampMs = timestampMs;
        _encoders = encoders;
        Metadata = metadata;
        Visitor = metadata is null && encoders is [var only] ? only : new FanOut([.. encoders, .. metadata is null ? (ReadOnlySpan<ISeriesVisitor>)[] : [metadata]]);
    }

    /// <summary>Unix time in milliseconds of the collection.</summary>
    public long TimestampMs { get; }

    /// <summary>Receives the series of the collection.</summary>
    public ISeriesVisitor Visitor { get; }

    internal IReadOnlyList<IWriteRequestEncoder> Encoders => _encoders;

    internal MetadataRequest? Metadata { get; }

    public void Dispose()
    {
        foreach (var encoder in _encoders)
            encoder.Dispose();
    }

    private sealed class FanOut(ISeriesVisitor[] visitors) : ISeriesVisitor
    {
        public void Visit(in SeriesPoint point)
        {
            foreach (var visitor in visitors)
                visitor.Visit(point);
        }
    }
}
