using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Generator.Samples;
using OrleansTempo.Server.Configuration.Reading;

namespace OrleansTempo.Server.Configuration.Sections;

/// <summary><c>host_info</c>: in <c>metrics_generator.processor</c>, and in a tenant's overrides of it.</summary>
internal static class HostInfoReader
{
    public static HostInfoOptions Read(MappingReader host, HostInfoOptions defaults)
    {
        var options = new HostInfoOptions
        {
            HostIdentifiers = ReadIdentifiers(host) ?? defaults.HostIdentifiers,
            MetricName = host.String("metric_name", defaults.MetricName),
        };
        host.Done();
        Check(host, options.MetricName);
        return options;
    }

    public static HostInfoOverrides Read(MappingReader host, HostInfoOverrides fallback)
    {
        var options = new HostInfoOverrides
        {
            HostIdentifiers = ReadIdentifiers(host) ?? fallback.HostIdentifiers,
            MetricName = host.OptionalString("metric_name") ?? fallback.MetricName,
        };
        host.Done();

        // Empty is what the generator says, as for every text of a tenant.
        if (options.MetricName is { Length: > 0 } name)
            Check(host, name);
        return options;
    }

    private static IReadOnlyList<string>? ReadIdentifiers(MappingReader host)
    {
        var identifiers = host.Strings("host_identifiers");
        if (identifiers is [])
            host.Error("host_identifiers", "is empty; it must name at least one resource attribute");
        return identifiers;
    }

    private static void Check(MappingReader host, string name)
    {
        if (name.Length == 0 || char.IsAsciiDigit(name[0]) || !name.All(static c => char.IsAsciiLetterOrDigit(c) || c is '_' or ':'))
            host.Error("metric_name", $"{Spelling.Quote(name)} is not a metric name; allowed is [a-zA-Z_:][a-zA-Z0-9_:]*");
    }
}
