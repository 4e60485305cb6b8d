using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Generator.Samples;
using OrleansTempo.Server.Configuration.Reading;

namespace OrleansTempo.Server.Configuration.Sections;

/// <summary><c>host_info</c>: in <c>metrics_generator.processor</c>, and in a tenant's overrides of it.</summary>
internal static class HostInfoReader
{
    public static HostInfoOptions Read(MappingReader host, HostInfoOptions defaults)
    {
        var options = host.Options(defaults);
        host.Done();
        Check(host, options.HostIdentifiers, options.MetricName);
        return options;
    }

    public static HostInfoOverrides Read(MappingReader host, HostInfoOverrides fallback)
    {
        var options = host.Options(fallback);
        host.Done();

        // Empty is what the generator says, as for every text of a tenant.
        Check(host, options.HostIdentifiers, options.MetricName is { Length: > 0 } name ? name : null);
        return options;
    }

    private static void Check(MappingReader host, IReadOnlyList<string>? identifiers, string? name)
    {
        if (identifiers is [] && host.Has("host_identifiers"))
            host.Error("host_identifiers", "is empty; it must name at least one resource attribute");
        if (name is null)
            return;
        if (name.Length == 0 || char.IsAsciiDigit(name[0]) || !name.All(static c => char.IsAsciiLetterOrDigit(c) || c is '_' or ':'))
            host.Error("metric_name", $"{Spelling.Quote(name)} is not a metric name; allowed is [a-zA-Z_:][a-zA-Z0-9_:]*");
    }
}
