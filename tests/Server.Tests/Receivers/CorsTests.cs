using System.Net;
using OrleansTempo.Core.Configuration.Distributor;
using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Server.Tests.Receivers;

public class CorsTests
{
    [Fact]
    public async Task A_preflight_of_an_allowed_origin_gets_permission()
    {
        await using var server = await StartAsync(new() { AllowedOrigins = ["https://*.example.com"], AllowedHeaders = ["X-Scope-OrgID"], MaxAge = 600 });
        using var response = await server.Client.SendAsync(Preflight(server, "https://shop.example.com", "content-type,x-scope-orgid"));

        Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
        Assert.Equal("https://shop.example.com", Header(response, "Access-Control-Allow-Origin"));
        Assert.Equal("true", Header(response, "Access-Control-Allow-Credentials"));
        Assert.Equal("POST", Header(response, "Access-Control-Allow-Methods"));
        Assert.Equal("content-type,x-scope-orgid", Header(response, "Access-Control-Allow-Headers"));
        Assert.Equal("600", Header(response, "Access-Control-Max-Age"));
        Assert.Equal("Origin", Header(response, "Vary"));
    }

    [Theory]
    [InlineData("https://example.org", "content-type")]
    [InlineData("https://shop.example.com", "authorization")]
    [InlineData("https://shop.example.com.evil.org", "content-type")]
    public async Task Another_origin_or_header_gets_none(string origin, string headers)
    {
        await using var server = await StartAsync(new() { AllowedOrigins = ["https://*.example.com"] });
        using var response = await server.Client.SendAsync(Preflight(server, origin, headers));

        Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
        Assert.Null(Header(response, "Access-Control-Allow-Origin"));
        Assert.Null(Header(response, "Access-Control-Allow-Methods"));
    }

    [Fact]
    public async Task A_request_of_any_origin_may_be_read_where_all_are_allowed()
    {
        await using var server = await StartAsync(new() { AllowedOrigins = ["*"] });
        var request = Requests.Post(server.Otlp(), Requests.Golden);
        request.Headers.Add("Origin", "https://anything.test");
        using var response = await server.Client.SendAsync(request);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("*", Header(response, "Access-Control-Allow-Origin"));
        Assert.Null(Header(response, "Access-Control-Allow-Credentials"));
    }

    [Fact]
    public async Task Without_configuration_a_preflight_is_a_method_that_is_not_allowed()
    {
        await using var server = await RunningServer.StartAsync();
        using var response = await server.Client.SendAsync(Preflight(server, "https://example.com", "content-type"));
        Assert.Equal(HttpStatusCode.MethodNotAllowed, response.StatusCode);
        Assert.Null(Header(response, "Access-Control-Allow-Origin"));
    }

    private static Task<RunningServer> StartAsync(CorsOptions cors) =>
        RunningServer.StartAsync(RunningServer.Options with { OtlpHttp = [RunningServer.Options.OtlpHttp[0] with { Cors = cors }] });

    private static HttpRequestMessage Preflight(RunningServer server, string origin, string headers)
    {
        var request = new HttpRequestMessage(HttpMethod.Options, server.Otlp());
        request.Headers.Add("Origin", origin);
        request.Headers.Add("Access-Control-Request-Method", "POST");
        request.Headers.Add("Access-Control-Request-Headers", headers);
        return request;
    }

    private static string? Header(HttpResponseMessage response, string name) => response.Headers.TryGetValues(name, out var values) ? string.Join(",", values) : null;
}
