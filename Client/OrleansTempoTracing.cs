using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using OpenTelemetry.Trace;
using Orleans.Runtime;

namespace OrleansTempo.Client;

/// <summary>Adds the exporter to OpenTelemetry's tracing.</summary>
public static class OrleansTempoTracing
{
    /// <summary>
    /// Exports spans in batches through the <see cref="ITempoClient"/> of the application's services, which
    /// <see cref="TempoClientServices.AddOrleansTempoClient"/> registers.
    /// </summary>
    /// <param name="builder">The tracing of a host.</param>
    /// <param name="configure">Changes the defaults.</param>
    public static TracerProviderBuilder AddOrleansTempoExporter(this TracerProviderBuilder builder, Action<OrleansTempoExporterOptions>? configure = null)
    {
        builder.ConfigureServices(static services =>
            services.TryAddEnumerable(ServiceDescriptor.Singleton<ILifecycleParticipant<IClusterClientLifecycle>, FlushBeforeDisconnect>()));
        return builder.AddProcessor(provider =>
        {
            var client = provider.GetService<ITempoClient>()
                ?? throw new InvalidOperationException($"{nameof(AddOrleansTempoExporter)} needs an {nameof(ITempoClient)}: call services.{nameof(TempoClientServices.AddOrleansTempoClient)}().");
            var options = new OrleansTempoExporterOptions
            {
                // Made anew, for what is configured here is this exporter's alone.
                BatchExportProcessorOptions = provider.GetRequiredService<IOptionsFactory<BatchExportActivityProcessorOptions>>().Create(Options.DefaultName),
            };
            configure?.Invoke(options);
            return new OrleansTempoProcessor(
                new OrleansTempoExporter(client, options, provider.GetService<ILogger<OrleansTempoExporter>>()),
                options.BatchExportProcessorOptions);
        });
    }
}
