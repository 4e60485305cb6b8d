namespace OrleansTempo.Grains.Interfaces;

/// <summary>A tenant's metrics-generator, or one shard of it; its key is <c>tenant</c> or <c>tenant/shard</c>, see <see cref="GrainKeys"/>.</summary>
[Alias("orleanstempo.IMetricsGeneratorGrain")]
internal interface IMetricsGeneratorGrain : IGrainWithStringKey
{
    /// <summary>Counts spans. Called once: whether it fails or not, it is never tried again, for that could count twice.</summary>
    [Alias("push")]
    [ResponseTimeout("00:00:15")]
    Task PushAsync(SpanPayload payload);

    /// <summary>Begins a reading of the current series; null where the tenant has no generator.</summary>
    [Alias("begin-series")]
    Task<SeriesPiece?> BeginSeriesAsync();

    /// <summary>The next piece of a family's series; null where the reading has ended, or the generator has moved.</summary>
    /// <param name="reading">What <see cref="BeginSeriesAsync"/> said.</param>
    /// <param name="family">One of the families.</param>
    /// <param name="from">0, or where the piece before has ended.</param>
    [Alias("read-series")]
    Task<SeriesPiece?> ReadSeriesAsync(long reading, string family, int from);

    /// <summary>Does nothing but be active: its series go on, or end in order, though no span comes.</summary>
    [Alias("wake")]
    Task WakeAsync();

    /// <summary>Collects once besides its interval: a silo that stops does not let its clients' last spans wait for one that hangs.</summary>
    [Alias("collect")]
    Task CollectAsync();
}
