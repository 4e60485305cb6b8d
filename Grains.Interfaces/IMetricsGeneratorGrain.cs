namespace OrleansTempo.Grains.Interfaces;

/// <summary>A tenant's metrics-generator, or one shard of it; its key is <c>tenant</c> or <c>tenant/shard</c>, see <see cref="GrainKeys"/>.</summary>
[Alias("orleanstempo.IMetricsGeneratorGrain")]
internal interface IMetricsGeneratorGrain : IGrainWithStringKey
{
    /// <summary>Counts spans. A failed call must never be retried, because that could count spans twice.</summary>
    [Alias("push")]
    [ResponseTimeout("00:00:15")]
    Task PushAsync(SpanPayload payload);

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
