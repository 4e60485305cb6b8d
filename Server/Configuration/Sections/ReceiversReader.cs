using OrleansTempo.Core.Configuration.Distributor;
using OrleansTempo.Server.Configuration.Reading;

namespace OrleansTempo.Server.Configuration.Sections;

/// <summary>
/// <c>distributor.receivers</c>, named as in the OpenTelemetry Collector: a receiver's type, and for further ones of a type a slash and a
/// name behind it (<c>otlp/2</c>).
/// </summary>
/// <param name="skipForeign">Whether receivers that only Tempo has are left out with a warning; otherwise they are errors.</param>
internal sealed class ReceiversReader(bool skipForeign)
{
    private const string Have = "the receiver there is: otlp, with the protocols grpc and http";

    // Those of Tempo, today's and former ones.
    private static readonly string[] s_foreign = ["jaeger", "zipkin", "opencensus", "kafka"];

    private readonly List<(string Listener, ListenEndpoint Endpoint)> _taken = [];

    public ReceiversOptions Read(MappingReader receivers)
    {
        // Without any receiver Tempo starts its default ones.
        if (!receivers.Keys.Any())
            return new ReceiversOptions();

        var otlp = new List<OtlpReceiverOptions>();
        var isSkipping = false;
        foreach (var name in receivers.Keys)
        {
            var type = name.Split('/')[0];
            if (type == OtlpReceiverOptions.Type)
            {
                otlp.Add(ReadOtlp(receivers, name));
            }
            else if (s_foreign.Contains(type))
            {
                isSkipping |= skipForeign;
                ReadForeign(receivers, name, type);
            }
        }

        receivers.Done(static _ => "unknown receiver; " + Have);
        if (otlp.Count > 0 || !isSkipping)
            return new ReceiversOptions { Otlp = otlp };
        receivers.Warn(receivers.Keys.First(), "no other receiver is in the file, so OTLP listens on its default endpoints; name an otlp receiver to choose others");
        return new ReceiversOptions();
    }

    private void ReadForeign(MappingReader receivers, string name, string type)
    {
        // What stands below it is not looked at.
        receivers.Mapping(name);
        var instead = $"put an OpenTelemetry Collector in front that receives {type} and sends OTLP";
        if (skipForeign)
            receivers.Warn(name, $"left out, as -config.skip-foreign-receivers asks: nothing receives {type} here; {instead}");
        else
            receivers.Error(name, $"not supported, for only OTLP is received here; remove it and {instead}, or start with -config.skip-foreign-receivers, which leaves it out");
    }

    private OtlpReceiverOptions ReadOtlp(MappingReader receivers, string name)
    {
        if (name.EndsWith('/'))
            receivers.Error(name, "has no name behind the slash");
        var otlp = receivers.Mapping(name);
        var protocols = otlp.Mapping("protocols");
        var grpc = protocols.Mapping("grpc");
        var http = protocols.Mapping("http");
        var options = new OtlpReceiverOptions
        {
            Name = name,
            Protocols = new OtlpProtocolsOptions
            {
                Grpc = grpc.Present ? OtlpReceiverReader.ReadGrpc(grpc) : null,
                Http = http.Present ? OtlpReceiverReader.ReadHttp(http) : null,
            },
        };
        protocols.Done();
        otlp.Done();
        if (!grpc.Present && !http.Present)
            receivers.Error(name, "must have at least one protocol; allowed are protocols.grpc and protocols.http");
        Take(grpc, $"{name}/grpc", options.Protocols.Grpc?.Endpoint);
        Take(http, $"{name}/http", options.Protocols.Http?.Endpoint);
        return options;
    }

    // Two listeners on one port would fail at the start, and Tempo's default endpoint is the same for every receiver.
    private void Take(MappingReader protocol, string listener, ListenEndpoint? endpoint)
    {
        if (endpoint is not { Port: > 0 } own)
            return;
        if (_taken.Find(t => t.Endpoint.Overlaps(own)) is { Listener: { } other })
            protocol.Error("endpoint", $"{own} is where {other} listens already; every protocol of a receiver needs an endpoint of its own");
        _taken.Add((listener, own));
    }
}
