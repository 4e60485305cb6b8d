using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using OrleansTempo.Core;

namespace OrleansTempo.Client;

/// <summary>Says at start what is wrong with the options, and that the Orleans client is missing where it is.</summary>
internal sealed class TempoClientOptionsValidator(IServiceProviderIsService services) : IValidateOptions<TempoClientOptions>
{
    public ValidateOptionsResult Validate(string? name, TempoClientOptions options)
    {
        var errors = new List<string>();
        if (!services.IsService(typeof(IGrainFactory)))
            errors.Add($"{nameof(TempoClientServices.AddOrleansTempoClient)} needs an Orleans client, but none is registered: call builder.UseOrleansClient(), or builder.UseOrleans() in a silo.");
        if (!TenantId.TryParse(options.Tenant, out _, out var error))
            errors.Add($"{nameof(TempoClientOptions)}.{nameof(options.Tenant)}: {error}.");
        if (options.MaxRetries < 0)
            errors.Add($"{nameof(TempoClientOptions)}.{nameof(options.MaxRetries)} is {options.MaxRetries}; it must not be negative.");
        if (options.RetryFor < TimeSpan.Zero)
            errors.Add($"{nameof(TempoClientOptions)}.{nameof(options.RetryFor)} is {options.RetryFor}; it must not be negative.");
        if (options.MaxConcurrentRequests < 1)
            errors.Add($"{nameof(TempoClientOptions)}.{nameof(options.MaxConcurrentRequests)} is {options.MaxConcurrentRequests}; it must be at least 1.");
        if (options.MaxRequestBytes < 1)
            errors.Add($"{nameof(TempoClientOptions)}.{nameof(options.MaxRequestBytes)} is {options.MaxRequestBytes}; it must be at least 1.");
        return errors.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(errors);
    }
}
