namespace OrleansTempo.Grains.Interfaces;

/// <summary>A tenant's metrics-generator, or one shard of it; its key is <c>tenant</c> or <c>tenant/shard</c>, see <see cref="GrainKeys"/>.</summary>
[Alias("orleanstempo.IMetricsGeneratorGrain")]
public interface IMetricsGeneratorGrain : IGrainWithStringKey
{
    /// <summary>Counts spans. Called once: whether it fails or not, it is never tried again, for that could count twice.</summary>
    [Alias("push")]
    [ResponseTimeout("00:00:15")]
    Task PushAsync(SpanPayload payload);

    /// <summary>The current series, as <see cref="Core.Generator.SeriesRecording"/> writes them; null where the tenant has no generator.</summary>
    [Alias("series")]
    Task<byte[]?> RecordSeriesAsync();

    /// <summary>Does nothing but be active: its series go on, or end in order, though no span comes.</summary>
    [Alias("wake")]
    Task WakeAsync();

    /// <summary>Collects once besides its interval: a silo that stops does not let its clients' last spans wait for one that hangs.</summary>
    [Alias("collect")]
    Task CollectAsync();
}
