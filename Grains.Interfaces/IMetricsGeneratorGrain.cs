namespace OrleansTempo.Grains.Interfaces;

/// <summary>A tenant's metrics-generator, or one shard of it; its key is <c>tenant</c> or <c>tenant/shard</c>, see <see cref="GrainKeys"/>.</summary>
[Alias("orleanstempo.IMetricsGeneratorGrain")]
internal interface IMetricsGeneratorGrain : IGrainWithStringKey
{
    /// <summary>
    /// Counts spans. A call that failed may have been counted: <see cref="AskAsync"/> tells. Versions before <see cref="AskAsync"/> ignore the number,
    /// and calls of theirs have none; such a call must never be repeated.
    /// </summary>
    /// <param name="payload">The spans.</param>
    /// <param name="queue">The queue they come from, which has one call to this grain under way at a time; empty for none.</param>
    /// <param name="number">The queue's number for the call, from 1. A number is counted once, and none that is lower than one that was counted.</param>
    [Alias("push")]
    [ResponseTimeout("00:00:15")]
    Task PushAsync(SpanPayload payload, Guid queue = default, long number = 0);

    /// <summary>Tells whether a push was counted.</summary>
    /// <param name="queue">The queue.</param>
    /// <param name="number">The number of its last call.</param>
    [Alias("ask")]
    [ResponseTimeout("00:00:05")]
    Task<AskAnswer> AskAsync(Guid queue, long number);

    /// <summary>Begins a reading of the current series; null if the tenant has no generator.</summary>
    [Alias("begin-series")]
    Task<SeriesPiece?> BeginSeriesAsync();

    /// <summary>The next piece of a family's series; null if the reading has ended, or the generator has moved.</summary>
    /// <param name="reading">The reading returned by <see cref="BeginSeriesAsync"/>.</param>
    /// <param name="family">One of the reading's families.</param>
    /// <param name="from">0, or where the previous piece ended.</param>
    [Alias("read-series")]
    Task<SeriesPiece?> ReadSeriesAsync(long reading, string family, int from);

    /// <summary>Does nothing but activate the grain, so that its series continue, or end cleanly, even though no span arrives.</summary>
    [Alias("wake")]
    Task WakeAsync();

    /// <summary>Collects once outside its interval, so that on a silo's stop, its clients' last spans do not wait for one that hangs.</summary>
    [Alias("collect")]
    Task CollectAsync();
}
