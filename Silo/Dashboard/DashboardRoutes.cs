using System.Diagnostics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Dashboard;
using OrleansTempo.Server.Api;

namespace OrleansTempo.Silo.Dashboard;

/// <summary>
/// Serves Orleans' dashboard under paths of the HTTP API. The dashboard requires ASP.NET's routing, which the API does not use, so it
/// gets a pipeline with that routing and nothing else.
/// </summary>
internal static class DashboardRoutes
{
    private const string Folder = "/dashboard";

    /// <summary>Adds the dashboard, and what its routing needs, to the services of a silo.</summary>
    public static void AddServices(ISiloBuilder silo)
    {
        // Its live log would show our log to anyone who asks.
        silo.AddDashboard(static dashboard => dashboard.HideTrace = true);
        silo.Services.AddRouting();
        silo.Services.AddSingleton(new DiagnosticListener("OrleansTempo.Dashboard"));
    }

    /// <param name="services">The services of the silo, including those of <see cref="AddServices"/>.</param>
    /// <param name="isPublic">Whether callers on other machines may see it, although it is otherwise for operators only.</param>
    public static IReadOnlyList<ApiRoute> Create(IServiceProvider services, bool isPublic)
    {
        var pipeline = new ApplicationBuilder(services);
        pipeline.UseRouting();
        pipeline.UseEndpoints(static endpoints => endpoints.MapOrleansDashboard(Folder));
        var dashboard = pipeline.Build();
        return [Route(Folder, "Orleans' dashboard"), Route(Folder + "/{**}", "its pages")];

        ApiRoute Route(string path, string description)
        {
            var route = new ApiRoute(path, description, AnswerAsync);
            return isPublic ? route : route with { AdminMethods = route.Methods };
        }

        Task AnswerAsync(HttpContext context)
        {
            context.RequestServices = services;
            return dashboard(context);
        }
    }
}
