using System.Net;
using System.Net.Sockets;
using OrleansTempo.Server.Hosting;

namespace OrleansTempo.Server.Tests.Hosting;

public class ListenerPortsTests
{
    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("localhost")]
    [InlineData("")]
    public void A_port_in_use_is_reported_with_its_listener_and_its_setting(string host)
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var port = ((IPEndPoint)taken.LocalEndpoint).Port;

        var failure = Assert.Throws<IOException>(() => ListenerPorts.Check(With($"{host}:{port}")));

        Assert.Equal(
            $"port {port}, where otlp/http listens, is in use by another process; stop that process, or set distributor.receivers.otlp.protocols.http.endpoint to another port",
            failure.Message);

        taken.Stop();
        ListenerPorts.Check(With($"{host}:{port}"));
    }

    [Fact]
    public void An_address_of_another_machine_is_reported_with_the_reason()
    {
        var failure = Assert.Throws<IOException>(() => ListenerPorts.Check(With("192.0.2.1:4318")));
        Assert.StartsWith("otlp/http cannot listen on 192.0.2.1:4318: ", failure.Message);
        Assert.EndsWith("set distributor.receivers.otlp.protocols.http.endpoint to an address of this machine and a port that this process may use", failure.Message);
    }

    [Fact]
    public void Port_0_is_always_free() => ListenerPorts.Check(With("127.0.0.1:0"));

    private static TempoServerOptions With(string otlpHttp) => new()
    {
        OtlpGrpc = [],
        OtlpHttp = [new ListenerOptions { Endpoint = otlpHttp }],
        HttpApi = new ListenerOptions { Endpoint = "127.0.0.1:0" },
    };
}
