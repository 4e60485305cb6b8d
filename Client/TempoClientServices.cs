using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using OrleansTempo.Grains.Interfaces;

namespace OrleansTempo.Client;

/// <summary>Registers the client.</summary>
public static class TempoClientServices
{
    /// <summary>
    /// Registers an <see cref="ITempoClient"/> that uses the application's Orleans client: that of <c>builder.UseOrleansClient()</c>,
    /// or a silo's own. A host without one does not start.
    /// </summary>
    /// <param name="services">The application's services.</param>
    /// <param name="configure">Changes the defaults.</param>
    public static IServiceCollection AddOrleansTempoClient(this IServiceCollection services, Action<TempoClientOptions>? configure = null)
    {
        var options = services.AddOptions<TempoClientOptions>().ValidateOnStart();
        if (configure is not null)
            options.Configure(configure);
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<TempoClientOptions>, TempoClientOptionsValidator>());
        services.TryAddSingleton<ITempoClient>(static provider =>
        {
            // Before the Orleans client is asked for: where it is missing, the options' check says so.
            var options = provider.GetRequiredService<IOptions<TempoClientOptions>>().Value;
            var grains = provider.GetRequiredService<IGrainFactory>();
            var configuration = provider.GetService<IConfiguration>();
            return new TempoClient(
                () => grains.GetGrain<IDistributorGrain>(IDistributorGrain.Key),
                () => grains.GetGrain<IQuerierGrain>(IQuerierGrain.Key),
                options,
                ActivityLimits.Read(name => configuration?[name] ?? Environment.GetEnvironmentVariable(name)),
                provider.GetService<TimeProvider>() ?? TimeProvider.System,
                Random.Shared);
        });
        return services;
    }
}
