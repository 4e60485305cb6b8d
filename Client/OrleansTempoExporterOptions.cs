using System.Diagnostics;
using OpenTelemetry;
using OpenTelemetry.Trace;

namespace OrleansTempo.Client;

/// <summary>How an <see cref="OrleansTempoExporter"/> exports.</summary>
public sealed class OrleansTempoExporterOptions
{
    /// <summary>The tenant of the spans; null for <see cref="TempoClientOptions.Tenant"/>.</summary>
    public string? Tenant { get; set; }

    /// <summary>
    /// How spans are put into batches, and how long the export of one may take; from the <c>OTEL_BSP_*</c> environment variables
    /// unless set here.
    /// </summary>
    public BatchExportProcessorOptions<Activity> BatchExportProcessorOptions { get; set; } = new BatchExportActivityProcessorOptions();
}
